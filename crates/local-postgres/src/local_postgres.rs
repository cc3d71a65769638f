//! The use of a server by one process, from the start or attachment to the end.

use std::{
    convert::Infallible,
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    binaries::Binaries,
    error::Error,
    home::Home,
    initdb::{make_cluster, sweep},
    postmaster::{State, state},
    provide::provide,
    server::{begin_shut_down, bring_up, shut_down},
    settings::Settings,
};

/// The interval at which the server is checked. Only on Linux does the check need no further program.
const WATCH: Duration = Duration::from_millis(if cfg!(target_os = "linux") { 100 } else { 1000 });

/// The interval between prunings of the server's log.
const PRUNE: Duration = Duration::from_secs(1);

/// The pause after a failed restart.
const RETRY: Duration = Duration::from_secs(1);

/// The time that a drop may wait for the server to begin its shutdown.
const FAREWELL: Duration = Duration::from_secs(5);

/// This process's attachment to the server of a data directory.
///
/// End it with [`stop`](Self::stop). A dropped value leaves, too, but does not wait for the end of the server. A killed
/// process leaves the server running for the next one.
#[derive(Debug)]
pub struct LocalPostgres {
    home: Home,
    moved: Option<PathBuf>,
    binaries: Binaries,
    socket_dir: PathBuf,
    parameters: Vec<(String, String)>,
    deadline: Duration,
    /// The lock of a process that uses the server. `None` once it has left.
    users: Option<File>,
}

impl LocalPostgres {
    /// Starts the server of the data directory, or attaches to the one that runs.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let (home, moved) = Home::open(&settings)?;
        loop {
            // A download can take minutes, so the lock is not held meanwhile. Another process may have created the cluster
            // when this one acquires the lock again.
            let made_by = home.made_by()?;
            let binaries = provide(&settings, &home.account, &home.cluster(), made_by).await?;
            let start = home.lock_start(settings.deadline).await?;
            let made_by = home.made_by()?;
            if made_by.is_some_and(|major| major != binaries.major) {
                continue;
            }
            let users = home.join_users()?;
            sweep(&home);
            if made_by.is_none() {
                make_cluster(&home, &binaries).await?;
            }
            let socket_dir = home.socket_dir()?;
            let begun = Instant::now();
            let socket_dir = bring_up(&home, &binaries, &socket_dir, &settings.parameters, settings.deadline).await?;
            drop(start);
            let (dir, duration_ms) = (home.dir().display(), begun.elapsed().as_millis());
            tracing::info!(%dir, duration_ms, "{binaries} is up");
            let Settings { parameters, deadline, .. } = settings;
            return Ok(Self { home, moved, binaries, socket_dir, parameters, deadline, users: Some(users) });
        }
    }

    /// The address: the superuser `postgres`, the database `postgres`, a socket. `tokio-postgres` and libpq understand it.
    /// It stays the same when the server is started again.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}:5432/postgres", percent_encoded(&self.socket_dir))
    }

    /// The command that opens a session on this machine.
    pub fn psql(&self) -> String {
        let program = self.binaries.program("psql");
        // A download has no psql, so the command needs an installed one.
        let program = if program.exists() { shell_word(&program) } else { "psql".to_owned() };
        format!("{program} -h {} -U postgres postgres", shell_word(&self.socket_dir))
    }

    /// The folder with everything of this server.
    pub fn data_dir(&self) -> &Path {
        self.home.dir()
    }

    /// The default folder, if the data moved to [`Settings::system_dir`] instead.
    pub fn moved(&self) -> Option<&Path> {
        self.moved.as_deref()
    }

    /// The binaries that this process starts the server with.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Starts the server again if it is gone, and waits until it takes connections.
    pub async fn ensure_running(&self) -> Result<(), Error> {
        let _start = self.home.lock_start(self.deadline).await?;
        bring_up(&self.home, &self.binaries, &self.socket_dir, &self.parameters, self.deadline).await.map(drop)
    }

    /// Watches the server while the caller polls this, and restarts it whenever it dies.
    pub async fn keep_alive(&self) -> Infallible {
        let mut pruned = Instant::now();
        loop {
            tokio::time::sleep(WATCH).await;
            if pruned.elapsed() >= PRUNE {
                self.home.prune_log();
                pruned = Instant::now();
            }
            match state(&self.home) {
                Ok(State::Ready { .. } | State::Starting) => continue,
                Ok(State::Absent | State::Stopping) => {}
                Err(error) => {
                    tracing::warn!(%error, "the state of PostgreSQL is unknown");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
            tracing::warn!(dir = %self.home.dir().display(), "PostgreSQL has ended: starting it again");
            match self.ensure_running().await {
                Ok(()) => tracing::info!(dir = %self.home.dir().display(), "PostgreSQL is up again"),
                Err(error) => {
                    tracing::error!(%error, "PostgreSQL could not be started again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Leaves the server. The last process to leave shuts it down and waits for its end.
    pub async fn stop(self) -> Result<(), Error> {
        let patience = self.deadline;
        self.stop_within(patience).await
    }

    /// Leaves the server like [`stop`](Self::stop), within `patience`. A server that is still up shortly before gets an
    /// immediate shutdown. One that is still up at the end is an error and ends by itself.
    pub async fn stop_within(mut self, patience: Duration) -> Result<(), Error> {
        let asked = Instant::now();
        let _start = self.home.lock_start(patience).await?;
        let Some(users) = self.users.take() else { return Ok(()) };
        if !self.home.leave_users(&users)? {
            tracing::info!(dir = %self.home.dir().display(), "left PostgreSQL to others who use it");
            return Ok(());
        }
        shut_down(&self.home, patience.saturating_sub(asked.elapsed())).await?;
        self.remove_foreign_socket_dir();
        tracing::info!(dir = %self.home.dir().display(), "PostgreSQL is down");
        Ok(())
    }

    /// Removes the folder of the socket if it is in the system's temporary folder.
    fn remove_foreign_socket_dir(&self) {
        if !self.socket_dir.starts_with(self.home.dir()) {
            std::fs::remove_dir(&self.socket_dir).ok();
        }
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        let Some(users) = self.users.take() else { return };
        // A process that is starting or stopping the server may count this one as a user. Then the server stays for the next.
        let Some(_start) = self.home.try_lock_start() else { return };
        if !self.home.leave_users(&users).unwrap_or(false) {
            return;
        }
        match begin_shut_down(&self.home) {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "PostgreSQL is left running"),
        }
        // No process may attach to a server that was asked to stop, so the lock is held until the server begins its shutdown.
        let asked = Instant::now();
        while matches!(state(&self.home), Ok(State::Ready { .. })) && asked.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The host of a URL may be a folder if nothing in it looks like a part of the URL.
fn percent_encoded(path: &Path) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().map(|&byte| if is_plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") }).collect()
}

fn shell_word(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._+@".contains(&byte));
    if is_plain { path.into_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_the_host_of_a_url() {
        assert_eq!("%2Fhome%2Fjos%C3%A9%2Fmy%20data", percent_encoded(Path::new("/home/josé/my data")));
    }

    #[test]
    fn a_path_becomes_one_word_of_a_shell() {
        assert_eq!("/usr/lib/postgresql/15/bin/psql", shell_word(Path::new("/usr/lib/postgresql/15/bin/psql")));
        assert_eq!(r"'/it'\''s here'", shell_word(Path::new("/it's here")));
    }
}
