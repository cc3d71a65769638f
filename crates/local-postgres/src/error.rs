//! What can go wrong, said so that the reader knows what to do next.

use std::{io, path::Path, path::PathBuf, time::Duration};

use crate::binaries::OLDEST_MAJOR;

/// Why the server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something that should have worked.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The folder holds somebody else's files.
    #[error(
        "{path} is neither empty nor a data directory that this program made: choose another folder, or empty this one",
        path = path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },

    /// The data was made by another user.
    #[error(
        "{path} belongs to user {owner}, but PostgreSQL would run as user {account}: run as the owner, or choose another \
         data directory",
        path = path.display()
    )]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// The uid that owns it.
        owner: u32,
        /// The uid that the server would have.
        account: u32,
    },

    /// Other users of the machine could change what is in the folder, and with it pose as the server.
    #[error(
        "other users can change what is in {path}: close it with `chmod go-w`, or choose a folder inside it",
        path = path.display()
    )]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
    },

    /// The path cannot be handed to PostgreSQL.
    #[error("PostgreSQL cannot use the path {path}: choose one of plain printable characters", path = path.display())]
    UnusablePath {
        /// The path.
        path: PathBuf,
    },

    /// The account of the server cannot reach a folder that it needs.
    #[error(
        "PostgreSQL refuses to run as root and would run as user {account}, which cannot enter {closed} on the way to \
         {path}: choose a folder outside of {closed}, or open that with `chmod o+x`",
        closed = closed.display(), path = path.display()
    )]
    Closed {
        /// The folder that is needed.
        path: PathBuf,
        /// The folder on the way that is closed.
        closed: PathBuf,
        /// The name of the account.
        account: String,
    },

    /// This process is root and there is nobody else to be.
    #[error("PostgreSQL refuses to run as root, and this system has neither a user postgres nor nobody: create one")]
    NoAccount,

    /// The user of this process has no name on this system.
    #[error(
        "PostgreSQL makes no database for user {uid}, which has no name on this system: add a line for it to /etc/passwd, \
         run as a user that has one, or use a PostgreSQL that runs already"
    )]
    Nameless {
        /// The uid of the process.
        uid: u32,
    },

    /// The folder that was set does not hold usable binaries.
    #[error(
        "{path} holds no PostgreSQL {OLDEST_MAJOR} or newer ({reason}): set the folder that holds initdb and postgres",
        path = path.display()
    )]
    BinDir {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },

    /// The data needs a version that is nowhere to be had.
    #[error(
        "{path} was made by PostgreSQL {major}, which was not found (found: {found}) and could not be downloaded \
         ({reason}): install PostgreSQL {major}, or set the folder of its binaries",
        path = path.display()
    )]
    NoSuchVersion {
        /// The cluster's folder.
        path: PathBuf,
        /// The major version that made it.
        major: u32,
        /// The versions that were found instead.
        found: String,
        /// Why it could not be downloaded.
        reason: String,
    },

    /// No PostgreSQL on the machine, and none could be downloaded.
    #[error(
        "no PostgreSQL {OLDEST_MAJOR} or newer was found and none could be downloaded ({reason}): install one, or set the \
         folder of its binaries"
    )]
    NoBinaries {
        /// Why it could not be downloaded.
        reason: String,
    },

    /// A new cluster could not be made.
    #[error("initdb failed: {output}")]
    Initdb {
        /// What it printed.
        output: String,
    },

    /// The server ended instead of starting.
    #[error("PostgreSQL did not start ({log}): {output}", log = log.display())]
    Start {
        /// The file with all that it printed.
        log: PathBuf,
        /// The last that it printed.
        output: String,
    },

    /// Something took longer than the settings allow.
    #[error("gave up after {seconds} s waiting for {what} in {path}", seconds = waited.as_secs(), path = path.display())]
    Deadline {
        /// What was waited for.
        what: &'static str,
        /// The data directory.
        path: PathBuf,
        /// For how long.
        waited: Duration,
    },
}

/// Says on which file an operation failed: the system's own error does not.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}
