//! Whether a server runs on the cluster, read from the file in which it tells so. That file stays when the server is
//! killed, so it counts only while there is a process or a socket to go with it.

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use crate::{
    error::{At, Error},
    home::{Home, socket_in},
    processes,
};

/// What the server of a home is doing.
#[derive(Debug)]
pub(crate) enum State {
    /// There is none; what a killed one left may lie around.
    Absent,
    /// It starts or recovers from a crash.
    Starting,
    /// It takes connections.
    Ready { socket_dir: PathBuf },
    /// It is shutting down.
    Stopping,
}

/// Looks at the server of a home.
pub(crate) fn state(home: &Home) -> State {
    let Some(file) = PidFile::read(home) else { return State::Absent };
    let socket_dir = if processes::postmaster(file.pid, home).is_some() {
        file.socket_dir
    } else if processes::is_ending(file.pid, home) {
        return State::Stopping;
    } else {
        // A server in another container is no process here, but whoever answers in our private folder is our server.
        let Ok(ours) = home.socket_dir() else { return State::Absent };
        if UnixStream::connect(socket_in(&ours)).is_err() {
            return State::Absent;
        }
        ours
    };
    match file.status.as_str() {
        "ready" | "standby" => State::Ready { socket_dir },
        "stopping" => State::Stopping,
        _ => State::Starting,
    }
}

/// The server's process, if it is one that this process can see.
pub(crate) fn process(home: &Home) -> Option<processes::Process> {
    PidFile::read(home).and_then(|file| processes::postmaster(file.pid, home))
}

/// Sees to it that nothing that a killed server left keeps a new one from starting. The start lock must be held, and the
/// state be `Absent`.
///
/// PostgreSQL cleans up after itself, unless the pid in its files belongs to another program by now. Its own file stays
/// even then: it names the shared memory by which the new server notices processes that outlived the old one.
pub(crate) fn clear_traces(home: &Home, socket_dir: &Path) -> Result<(), Error> {
    let socket = socket_in(socket_dir);
    let mut socket_lock = socket.clone().into_os_string();
    socket_lock.push(".lock");
    remove(&socket)?;
    remove(Path::new(&socket_lock))?;

    let path = home.cluster().join(PID_FILE);
    let Some(file) = PidFile::read(home) else { return remove(&path) };
    if !processes::exists(file.pid) {
        return Ok(());
    }
    tracing::info!(pid = file.pid, "the pid of a killed PostgreSQL belongs to another program by now");
    // The one living process that PostgreSQL takes for no server is the one that starts it.
    let text = fs::read_to_string(&path).at("read", &path)?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    fs::write(&path, format!("{}\n{rest}", std::process::id())).at("write", &path)
}

const PID_FILE: &str = "postmaster.pid";

/// What is used of the file's lines.
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    socket_dir: PathBuf,
    status: String,
}

impl PidFile {
    fn read(home: &Home) -> Option<Self> {
        Self::parse(&fs::read_to_string(home.cluster().join(PID_FILE)).ok()?)
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
    fn a_file_that_makes_no_sense_is_none() {
        assert_eq!(None, PidFile::parse(""));
        assert_eq!(None, PidFile::parse("ready\n"));
    }
}
