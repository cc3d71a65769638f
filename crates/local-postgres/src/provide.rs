//! Settles which binaries to use: those that a person named, those on the machine, or downloaded ones. A cluster that
//! exists can be opened by its own major version only.

use std::{fs, path::Path};

use crate::{
    account::Account,
    binaries::{Binaries, OLDEST_MAJOR, find_binaries},
    download::Cache,
    error::Error,
    settings::Settings,
};

/// Binaries for a new cluster, or for one that a certain major version made.
pub(crate) async fn provide(
    settings: &Settings,
    account: &Account,
    cluster: &Path,
    made_by: Option<u32>,
) -> Result<Binaries, Error> {
    let named = settings.bin_dir.as_deref().map(|dir| named_by_a_person(dir, account)).transpose()?;
    let found = find_binaries(&settings.search);
    let last = last_used(cluster, account);
    let usable = |binaries: &Binaries| must_execute(account, binaries).is_ok();
    let candidates: Vec<_> = named.iter().cloned().chain(found.into_iter().chain(last).filter(usable)).collect();

    if let Some(fitting) = candidates.iter().find(|binaries| made_by.is_none_or(|major| binaries.major == major)) {
        if let Some(named) = named.as_ref().filter(|named| *named != fitting) {
            tracing::warn!("{} was made by another version than {named}: using {fitting}", cluster.display());
        }
        return Ok(fitting.clone());
    }
    let cache = Cache::new(settings, account, cluster.parent().unwrap_or(cluster))?;
    cache.binaries(made_by).await.map_err(|reason| match made_by {
        None => Error::NoBinaries { reason },
        Some(major) => Error::NoSuchVersion { path: cluster.to_owned(), major, found: list(&candidates), reason },
    })
}

/// The binaries that the cluster's server was started with, by whatever setting: who only attaches to it should not have
/// to download others.
fn last_used(cluster: &Path, account: &Account) -> Option<Binaries> {
    let command = fs::read_to_string(cluster.join("postmaster.opts")).ok()?;
    let (program, _) = command.split_once(" \"-D\"")?;
    // The file belongs to the server's user, so root must not execute what it names.
    Binaries::in_dir_by(Path::new(program).parent()?, |program| account.command(program)).ok()
}

fn named_by_a_person(dir: &Path, account: &Account) -> Result<Binaries, Error> {
    let named = |reason: String| Error::BinDir { path: dir.to_owned(), reason };
    let dir = std::path::absolute(dir).map_err(|error| named(error.to_string()))?;
    let binaries = Binaries::in_dir(&dir).map_err(named)?;
    must_execute(account, &binaries)?;
    Ok(binaries)
}

/// The bit that lets a user pass through a folder is the one that lets him execute a file.
fn must_execute(account: &Account, binaries: &Binaries) -> Result<(), Error> {
    ["initdb", "postgres"].iter().try_for_each(|name| account.must_reach(&binaries.program(name)))
}

fn list(candidates: &[Binaries]) -> String {
    if candidates.is_empty() {
        return format!("none from {OLDEST_MAJOR} on");
    }
    candidates.iter().map(Binaries::to_string).collect::<Vec<_>>().join(", ")
}
