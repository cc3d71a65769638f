//! Chooses the binaries: configured, installed or downloaded ones. Only its own major version can open an existing
//! cluster.

use std::{fs, path::Path};

use crate::{
    account::Account,
    binaries::{Binaries, OLDEST_MAJOR, find_binaries},
    download::Cache,
    error::Error,
    settings::Settings,
};

/// Returns binaries for a new cluster, or for one of a certain major version.
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

/// The binaries of the running server, whatever setting chose them: a process that only attaches needs no download.
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

/// Checks that the account can execute the programs: for a file, the same bit counts as for a folder.
fn must_execute(account: &Account, binaries: &Binaries) -> Result<(), Error> {
    ["initdb", "postgres"].iter().try_for_each(|name| account.must_reach(&binaries.program(name)))
}

fn list(candidates: &[Binaries]) -> String {
    if candidates.is_empty() {
        return format!("none from {OLDEST_MAJOR} on");
    }
    candidates.iter().map(Binaries::to_string).collect::<Vec<_>>().join(", ")
}
