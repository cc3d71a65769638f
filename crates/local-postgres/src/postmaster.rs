//! The state of the server of a cluster, read from its pid file. The file of a killed server stays, so it counts only
//! together with a process or a socket.

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use crate::{
    error::{At, Error},
    home::{Home, socket_in},
    processes::{self, Process},
};

/// The state of the server of a home.
#[derive(Debug)]
pub(crate) enum State {
    /// There is no server. Files of a killed one may remain.
    Absent,
    /// It starts or recovers from a crash.
    Starting,
    /// It accepts connections.
    Ready { socket_dir: PathBuf },
    /// It is shutting down.
    Stopping,
}

/// Determines the state of the server of a home.
///
/// A failed check, for example for lack of file descriptors, is an error and never `Absent`: the files of an absent
/// server are deleted.
pub(crate) fn state(home: &Home) -> Result<State, Error> {
    let Some(file) = PidFile::read(home)? else { return Ok(State::Absent) };
    let socket_dir = if processes::postmaster(file.pid, home)?.is_some() {
        file.socket_dir
    } else if processes::is_ending(file.pid, home)? {
        return Ok(State::Stopping);
    } else {
        // A server in another container is no process here, but a server that answers in our private folder is ours.
        let ours = home.socket_dir()?;
        if !answers(&socket_in(&ours))? {
            return Ok(State::Absent);
        }
        ours
    };
    Ok(match file.status.as_str() {
        "ready" | "standby" => State::Ready { socket_dir },
        "stopping" => State::Stopping,
        _ => State::Starting,
    })
}

/// Returns true if a server listens on a socket.
fn answers(socket: &Path) -> Result<bool, Error> {
    match UnixStream::connect(socket) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(false),
        Err(error) => Err(error).at("connect to", socket),
    }
}

/// The pid of the server, if this process can see it.
pub(crate) fn process(home: &Home) -> Result<Option<Process>, Error> {
    match PidFile::read(home)? {
        Some(file) => processes::postmaster(file.pid, home),
        None => Ok(None),
    }
}

/// Removes the files of a killed server that would keep a new one from starting. The start lock must be held, and the state
/// must be `Absent`.
///
/// PostgreSQL cleans up by itself, unless the pid in its files belongs to another program by now. Its own file stays even
/// then: it names the shared memory by which the new server finds processes that outlived the old one.
pub(crate) fn clear_traces(home: &Home, socket_dir: &Path) -> Result<(), Error> {
    let file = PidFile::read(home)?;
    let socket = socket_in(socket_dir);
    let mut socket_lock = socket.clone().into_os_string();
    socket_lock.push(".lock");
    remove(&socket)?;
    remove(Path::new(&socket_lock))?;

    let path = home.cluster().join(PID_FILE);
    let Some(file) = file else { return remove(&path) };
    if !processes::exists(file.pid) {
        return Ok(());
    }
    tracing::info!(pid = file.pid, "the pid of a killed PostgreSQL belongs to another program by now");
    // The only live process that PostgreSQL does not take for a server is the one that starts it.
    let text = fs::read_to_string(&path).at("read", &path)?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    fs::write(&path, format!("{}\n{rest}", std::process::id())).at("write", &path)
}

const PID_FILE: &str = "postmaster.pid";

/// The used lines of the pid file.
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    socket_dir: PathBuf,
    status: String,
}

impl PidFile {
    /// Reads the file. Returns `None` if there is none, or if it is malformed because the server was killed while it
    /// wrote it.
    fn read(home: &Home) -> Result<Option<Self>, Error> {
        let path = home.cluster().join(PID_FILE);
        match fs::read(&path) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    /// The lines are: pid, data directory, start time, port, socket folder, address, shared memory, status. The later
    /// ones come while the server starts.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
        let socket_dir = lines.nth(3).unwrap_or_default().into();
        let status = lines.nth(2).unwrap_or_default().trim().to_owned();
        Some(Self { pid, socket_dir, status })
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_running_server_is_read() {
        let text = "9289\n/data/postgres\n1795558700\n5432\n/data/run\n\n  9977948         4\nready   \n";
        let expected = PidFile { pid: 9289, socket_dir: "/data/run".into(), status: "ready".into() };
        assert_eq!(Some(expected), PidFile::parse(text));
    }

    #[test]
    fn the_file_of_a_server_that_has_just_begun_is_read() {
        let expected = PidFile { pid: 9289, socket_dir: "".into(), status: "".into() };
        assert_eq!(Some(expected), PidFile::parse("9289\n/data/postgres\n"));
    }

    #[test]
    fn a_server_whose_file_cannot_be_read_is_not_absent() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let (home, _) = Home::open(&crate::Settings::new(dir.path())).unwrap();
        fs::create_dir(home.cluster()).unwrap();
        let file = home.cluster().join(PID_FILE);
        assert!(matches!(state(&home), Ok(State::Absent)));

        std::os::unix::fs::symlink(&file, &file).unwrap();
        let error = state(&home).unwrap_err();
        assert!(matches!(&error, Error::Io { action: "read", path, .. } if *path == file), "{error}");

        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let socket_dir = home.socket_dir().unwrap();
        fs::create_dir(&socket_dir).unwrap();
        fs::write(socket_in(&socket_dir), "").unwrap();
        assert!(state(&home).is_err() && process(&home).is_err() && clear_traces(&home, &socket_dir).is_err());
        assert!(fs::exists(socket_in(&socket_dir)).unwrap());
    }

    #[test]
    fn a_file_without_a_pid_is_none() {
        assert_eq!(None, PidFile::parse(""));
        assert_eq!(None, PidFile::parse("ready\n"));
    }
}
