//! The errors, each with the advice that a reader needs.

use std::{io, path::Path, path::PathBuf, time::Duration};

use crate::binaries::OLDEST_MAJOR;

/// The reason why the server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of the system failed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },

    /// The folder holds foreign files.
    #[error(
        "{path} is neither empty nor a data directory that this program made: choose another folder, or empty this one",
        path = path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },

    /// The data belongs to another user.
    #[error(
        "{path} belongs to user {owner}, but PostgreSQL would run as user {account}: run as the owner, or choose another \
         data directory",
        path = path.display()
    )]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// The uid of the owner.
        owner: u32,
        /// The uid of the server.
        account: u32,
    },

    /// Other users could change the folder and so impersonate the server.
    #[error(
        "other users can change what is in {path}: close it with `chmod go-w`, or choose a folder inside it",
        path = path.display()
    )]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
    },

    /// PostgreSQL cannot use the path.
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
        /// The closed folder on the way.
        closed: PathBuf,
        /// The name of the account.
        account: String,
    },

    /// The process is root, and no other account can run the server.
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
        /// The reason.
        reason: String,
    },

    /// The data needs a version that is neither installed nor available for download.
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
        /// The installed versions.
        found: String,
        /// The reason of the failed download.
        reason: String,
    },

    /// No PostgreSQL is installed, and none could be downloaded.
    #[error(
        "no PostgreSQL {OLDEST_MAJOR} or newer was found and none could be downloaded ({reason}): install one, or set the \
         folder of its binaries"
    )]
    NoBinaries {
        /// The reason of the failed download.
        reason: String,
    },

    /// `initdb` failed.
    #[error("initdb failed: {output}")]
    Initdb {
        /// Its output.
        output: String,
    },

    /// The server ended instead of starting.
    #[error("PostgreSQL did not start ({log}): {output}", log = log.display())]
    Start {
        /// The file with its output.
        log: PathBuf,
        /// The end of its output.
        output: String,
    },

    /// The deadline of the settings has passed.
    #[error("gave up after {seconds} s waiting for {what} in {path}", seconds = waited.as_secs(), path = path.display())]
    Deadline {
        /// The event that did not come.
        what: &'static str,
        /// The data directory.
        path: PathBuf,
        /// The time that was waited.
        waited: Duration,
    },
}

/// Adds the file to an error of the system.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}
