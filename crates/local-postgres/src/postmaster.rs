//! Whether a server runs on the cluster, read from the file in which it tells so. That file stays when the server is
//! killed, so it counts only while there is a process or a socket to go with it.

use std::{fs, io, os::unix::net::UnixStream, path::PathBuf};

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
    // A server in another container is no process here, but whoever answers in our private folder is our server.
    let answers = || UnixStream::connect(socket_in(&file.socket_dir)).is_ok();
    if processes::postmaster(file.pid, home).is_none() && !answers() {
        return State::Absent;
    }
    match file.status.as_str() {
        "ready" | "standby" => State::Ready { socket_dir: file.socket_dir },
        "stopping" => State::Stopping,
        _ => State::Starting,
    }
}

/// The server's process, if it is one that this process can see.
pub(crate) fn process(home: &Home) -> Option<processes::Process> {
    PidFile::read(home).and_then(|file| processes::postmaster(file.pid, home))
}

/// Removes what a killed server left. PostgreSQL would do it itself, unless the pid belongs to another program by now.
/// The start lock must be held, and the state be `Absent`. Should a server run all the same, the new one still sees the
/// shared memory of the old and refuses.
pub(crate) fn clear_traces(home: &Home) -> Result<(), Error> {
    let Some(file) = PidFile::read(home) else { return remove(home.cluster().join(PID_FILE)) };
    tracing::info!(pid = file.pid, "PostgreSQL was killed: clearing what it left in {}", home.dir().display());
    // Only our own folders: the file may be a copy from another cluster.
    if home.socket_dir().is_ok_and(|ours| ours == file.socket_dir) {
        let socket = socket_in(&file.socket_dir);
        let mut lock = socket.clone().into_os_string();
        lock.push(".lock");
        remove(lock.into())?;
        remove(socket)?;
    }
    remove(home.cluster().join(PID_FILE))
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
        let pid = lines.next()?.trim().parse().ok()?;
        let socket_dir = lines.nth(3).unwrap_or_default().into();
        let status = lines.nth(2).unwrap_or_default().trim().to_owned();
        Some(Self { pid, socket_dir, status })
    }
}

fn remove(path: PathBuf) -> Result<(), Error> {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", &path),
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
