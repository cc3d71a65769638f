//! Creates a cluster. It is made beside its place and moved there as a whole, so a cluster in its place is complete even
//! if the process was killed.

use std::{
    fs,
    fs::File,
    process::{Output, Stdio},
};

use crate::{
    binaries::Binaries,
    error::{At, Error},
    home::Home,
};

/// The prefix of unfinished clusters.
const UNFINISHED: &str = ".initdb-";

/// Creates the cluster of a home that has none. The start lock must be held.
pub(crate) async fn make_cluster(home: &Home, binaries: &Binaries) -> Result<(), Error> {
    let unfinished =
        tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(home.dir()).at("create a folder in", home.dir())?;
    home.account.make_private(unfinished.path())?;
    tracing::info!("making a new database with {binaries} in {}", home.dir().display());
    let mut command = home.account.command(&binaries.program("initdb"));
    command.arg("--pgdata").arg(unfinished.path()).args([
        "--username=postgres",
        "--encoding=UTF8",
        // One collation on every system, and the fastest.
        "--locale=C",
        "--data-checksums",
        // The folder of the socket decides who may connect. No connection over the network is allowed, even if a port is
        // opened some day.
        "--auth-local=trust",
        "--auth-host=reject",
    ]);
    let mut command = tokio::process::Command::from(command);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.at("run", &binaries.program("initdb"))?;
    if !output.status.success() {
        return Err(Error::Initdb { output: text_of(&output) });
    }
    let unfinished = unfinished.keep();
    fs::rename(&unfinished, home.cluster()).at("move into place", &unfinished)?;
    File::open(home.dir()).and_then(|dir| dir.sync_all()).at("write", home.dir())
}

/// Removes the remains of a killed process. The start lock must be held. The `initdb` of that process may still run there;
/// its remains are removed the next time.
pub(crate) fn sweep(home: &Home) {
    for entry in fs::read_dir(home.dir()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            tracing::info!("removing an unfinished database, {}", entry.path().display());
            fs::remove_dir_all(entry.path()).unwrap_or_else(|error| tracing::debug!(%error, "not all of it"));
        }
    }
}

fn text_of(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{} ({}{})", stderr.trim(), output.status, if stderr.trim().is_empty() { stdout } else { "".into() })
}
