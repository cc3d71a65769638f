//! The data directory: its layout, its owner, and the locks by which processes share its server.

use std::{
    fs,
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    account::{Account, create_dirs},
    error::{At, Error},
    log,
    settings::Settings,
};

/// The lock of the process that starts or stops the server. The file marks a folder as a data directory.
const START_LOCK: &str = "local-postgres.lock";

/// The shared lock of all processes that use the server.
const USERS_LOCK: &str = "users.lock";

/// Files that a new folder may have: those of a new file system, or of tools.
const NEGLIGIBLE: [&str; 4] = ["lost+found", ".DS_Store", ".gitignore", ".gitkeep"];

/// The longest path of a socket: `sun_path` without the final byte.
const LONGEST_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The name of PostgreSQL's socket.
const SOCKET: &str = ".s.PGSQL.5432";

/// The interval at which a lock of another process is tried.
const POLL: Duration = Duration::from_millis(10);

/// The right to start or stop the server, released with this value.
#[derive(Debug)]
pub(crate) struct StartLock(File);

impl Drop for StartLock {
    /// Closing the file is not enough: a child that another thread is starting has it open, too, until it runs its own
    /// program.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "could not unlock {START_LOCK}");
        }
    }
}

/// A data directory that passed all checks.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    pub(crate) account: Account,
}

impl Home {
    /// Decides the folder and the user of the data, and refuses a folder that cannot be used. The second value is the
    /// default folder, if the data moved to the system's folder instead.
    pub(crate) fn open(settings: &Settings) -> Result<(Self, Option<PathBuf>), Error> {
        let wanted = std::path::absolute(&settings.data_dir).at("find", &settings.data_dir)?;
        let account = Account::of(&cluster_in(&wanted))?;
        match account.must_reach(&wanted) {
            Ok(()) => Ok((Self::at(&wanted, account)?, None)),
            Err(Error::Closed { closed, .. }) if settings.data_dir_is_default => {
                let dir = std::path::absolute(&settings.system_dir).at("find", &settings.system_dir)?;
                tracing::warn!(
                    "the data is kept in {} instead of {}: PostgreSQL cannot run as root, and another user cannot \
                     enter {}",
                    dir.display(),
                    wanted.display(),
                    closed.display()
                );
                let account = Account::of(&cluster_in(&dir))?;
                account.must_reach(&dir)?;
                Ok((Self::at(&dir, account)?, Some(wanted)))
            }
            Err(error) => Err(error),
        }
    }

    fn at(dir: &Path, account: Account) -> Result<Self, Error> {
        // For another account, all users may pass through; the content is private to that account.
        let mode = if account.is_stand_in { 0o755 } else { 0o700 };
        create_dirs(dir, mode).at("create", dir)?;
        // From here on without links: PostgreSQL compares paths.
        let dir = dir.canonicalize().at("find", dir)?;
        if dir.to_str().is_none_or(|path| path.chars().any(char::is_control)) {
            return Err(Error::UnusablePath { path: dir });
        }
        account.must_reach(&dir)?;
        if fs::metadata(&dir).at("look at", &dir)?.mode() & 0o002 != 0 {
            return Err(Error::OpenToOthers { path: dir });
        }
        let home = Self { dir, account };
        home.refuse_other_contents()?;
        // From now on the folder is a data directory, whatever comes next.
        home.open_lock(START_LOCK)?;
        Ok(home)
    }

    fn refuse_other_contents(&self) -> Result<(), Error> {
        let names = |dir: &Path| -> Result<Vec<_>, Error> {
            let entries = fs::read_dir(dir).at("read", dir)?.map(|entry| Ok(entry.at("read", dir)?.file_name()));
            let names = entries.collect::<Result<Vec<_>, Error>>()?.into_iter();
            Ok(names.filter(|name| !NEGLIGIBLE.iter().any(|negligible| name == negligible)).collect())
        };
        let inside = names(&self.dir)?;
        if !inside.is_empty() && !inside.iter().any(|name| name == START_LOCK) {
            return Err(Error::NotOurs { path: self.dir.clone() });
        }
        // A cluster is moved into place as a whole, so one without a version is foreign.
        let cluster = self.cluster();
        let exists = |path: &Path| path.try_exists().at("look at", path);
        if exists(&cluster)? && !exists(&cluster.join("PG_VERSION"))? && !names(&cluster)?.is_empty() {
            return Err(Error::NotOurs { path: cluster });
        }
        Ok(())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// PostgreSQL's own data directory.
    pub(crate) fn cluster(&self) -> PathBuf {
        cluster_in(&self.dir)
    }

    /// The major version of the cluster, or `None` if there is no cluster yet.
    pub(crate) fn made_by(&self) -> Result<Option<u32>, Error> {
        let file = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&file) {
            Ok(text) => {
                let invalid = |_| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("it says {text:?}"));
                text.trim().parse().map(Some).map_err(invalid).at("understand", &file)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &file),
        }
    }

    /// A short name for the cluster, part of its processes' titles.
    pub(crate) fn cluster_name(&self) -> String {
        // FNV-1a: the name has to be the same in every process and every build.
        let bytes = self.dir.as_os_str().as_encoded_bytes();
        let hash = bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        format!("local-{hash:016x}")
    }

    pub(crate) fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Prunes the server's log. Another process may prune it at the same time and remove a file first, so a failure is
    /// only logged.
    pub(crate) fn prune_log(&self) {
        log::prune(&self.log_dir())
            .unwrap_or_else(|error| tracing::debug!(%error, "the server's log could not be pruned"));
    }

    /// The file of the server's output before its own log is open.
    pub(crate) fn start_log(&self) -> PathBuf {
        self.dir.join("start.log")
    }

    /// The folder of the socket. Only the account and root can enter it, which keeps other users out. It is beside the
    /// cluster, unless that path is too long or has characters that PostgreSQL's list syntax does not allow.
    pub(crate) fn socket_dir(&self) -> Result<PathBuf, Error> {
        let name = self.cluster_name();
        let candidates = [self.dir.join("run"), std::env::temp_dir().join(&name), Path::new("/tmp").join(&name)];
        let dir = candidates.into_iter().find(|dir| is_fit_for_a_socket(dir) && self.account.must_reach(dir).is_ok());
        dir.ok_or_else(|| Error::UnusablePath { path: self.dir.join("run") })
    }

    /// Waits until no other process is starting or stopping the server.
    pub(crate) async fn lock_start(&self, deadline: Duration) -> Result<StartLock, Error> {
        let lock = self.open_lock(START_LOCK)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(StartLock(lock)),
                Err(TryLockError::Error(error)) => return Err(error).at("lock", &self.dir.join(START_LOCK)),
                Err(TryLockError::WouldBlock) if started.elapsed() > deadline => {
                    let what = "another process that starts or stops PostgreSQL";
                    return Err(Error::Deadline { what, path: self.dir.clone(), waited: deadline });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Acquires the start lock without waiting. `None` if another process has it.
    pub(crate) fn try_lock_start(&self) -> Option<StartLock> {
        let lock = self.open_lock(START_LOCK).ok()?;
        lock.try_lock().is_ok().then(|| StartLock(lock))
    }

    /// Marks this process as a user of the server. The start lock must be held.
    pub(crate) fn join_users(&self) -> Result<File, Error> {
        let users = self.open_lock(USERS_LOCK)?;
        users.lock_shared().at("lock", &self.dir.join(USERS_LOCK))?;
        Ok(users)
    }

    /// Ends the use that `join_users` began. Returns true if no user is left. The start lock must be held: it keeps new
    /// users out while the answer matters.
    pub(crate) fn leave_users(&self, users: &File) -> Result<bool, Error> {
        let path = self.dir.join(USERS_LOCK);
        users.unlock().at("unlock", &path)?;
        match users.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error).at("lock", &path),
        }
    }

    /// Creates a private file: a user who can read a file can also lock it.
    fn open_lock(&self, name: &str) -> Result<File, Error> {
        let path = self.dir.join(name);
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).at("open", &path)
    }
}

fn cluster_in(dir: &Path) -> PathBuf {
    dir.join("postgres")
}

/// The socket in a folder.
pub(crate) fn socket_in(dir: &Path) -> PathBuf {
    dir.join(SOCKET)
}

/// Returns true if a path fits PostgreSQL's list of folders, which commas separate. Quotes and backslashes would need
/// different escapes there, in a shell and in a URL.
fn is_fit_for_a_socket(dir: &Path) -> bool {
    let is_plain = dir.to_str().is_some_and(|path| !path.contains([',', '"', '\'', '\\']));
    is_plain && socket_in(dir).as_os_str().len() <= LONGEST_SOCKET_PATH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Result<Home, Error> {
        Home::open(&Settings::new(dir)).map(|(home, _)| home)
    }

    /// Below a folder that the server's account can enter, whoever runs the tests.
    fn temp_dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        dir
    }

    #[test]
    fn a_folder_with_foreign_files_is_refused_by_name() {
        let dir = temp_dir();
        fs::write(dir.path().join("letter.txt"), "dear").unwrap();

        let error = open(dir.path()).unwrap_err();

        assert!(matches!(&error, Error::NotOurs { path } if path.ends_with(dir.path().file_name().unwrap())));
        assert!(error.to_string().contains(dir.path().file_name().unwrap().to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_cluster_folder_without_a_version_is_refused_by_name() {
        let dir = temp_dir();
        fs::write(dir.path().join(START_LOCK), "").unwrap();
        fs::create_dir(dir.path().join("postgres")).unwrap();
        fs::write(dir.path().join("postgres/notes"), "").unwrap();
        // Owned by somebody the server can run as, so that only the contents are wrong.
        std::os::unix::fs::chown(dir.path().join("postgres"), Some(Account::of(Path::new("/-")).unwrap().uid), None)
            .unwrap();

        assert!(matches!(open(dir.path()).unwrap_err(), Error::NotOurs { path } if path.ends_with("postgres")));
    }

    #[test]
    fn a_new_mount_and_our_own_folder_are_accepted() {
        let dir = temp_dir();
        fs::create_dir(dir.path().join("lost+found")).unwrap();
        open(dir.path()).unwrap();
        fs::write(dir.path().join("start.log"), "").unwrap();

        assert!(open(dir.path()).is_ok());
    }

    #[test]
    fn a_folder_that_everybody_can_write_to_is_refused() {
        let dir = temp_dir();
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();

        assert!(matches!(open(dir.path()).unwrap_err(), Error::OpenToOthers { .. }));
    }

    #[test]
    fn the_socket_is_in_the_data_directory_while_its_path_fits() {
        let dir = temp_dir();
        let base = dir.path().canonicalize().unwrap();
        let room = LONGEST_SOCKET_PATH - base.as_os_str().len() - "//run/".len() - SOCKET.len();
        let fits = open(&base.join("d".repeat(room))).unwrap();
        let too_long = open(&base.join("d".repeat(room + 1))).unwrap();
        let comma = open(&base.join("a,b")).unwrap();

        assert_eq!(fits.dir().join("run"), fits.socket_dir().unwrap());
        assert_eq!(LONGEST_SOCKET_PATH, socket_in(&fits.socket_dir().unwrap()).as_os_str().len());
        assert!(!too_long.socket_dir().unwrap().starts_with(too_long.dir()));
        assert!(!comma.socket_dir().unwrap().starts_with(comma.dir()));
    }

    #[test]
    fn the_last_user_learns_that_it_is_the_last() {
        let dir = temp_dir();
        let home = open(dir.path()).unwrap();
        let (first, second) = (home.join_users().unwrap(), home.join_users().unwrap());

        assert!(!home.leave_users(&first).unwrap());
        assert!(home.leave_users(&second).unwrap());
    }

    #[tokio::test]
    async fn the_start_lock_that_was_let_go_is_free_although_a_child_still_has_its_file_open() {
        let dir = temp_dir();
        let home = open(dir.path()).unwrap();
        let start = home.lock_start(Duration::ZERO).await.unwrap();
        let of_the_child = start.0.try_clone().unwrap();
        assert!(home.try_lock_start().is_none());

        drop(start);

        assert!(home.try_lock_start().is_some());
        drop(of_the_child);
    }
}
