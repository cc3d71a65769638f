//! The processes of a server. A pid alone proves nothing: the system reuses it after a crash, so the user and the command
//! line decide if a process belongs to the server. (The working folder would prove more, but root in a container may not
//! read that of another user's process.)

use nix::{sys::signal::Signal, unistd::Pid};

use crate::{error::Error, home::Home};

/// A process that has not ended. A zombie has ended.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// The arguments, separated by blanks. A process that is about to end has none.
    command: String,
}

impl Process {
    /// Returns true for the server of this cluster. Its helpers have titles that begin with `postgres:` instead.
    fn is_postmaster_of(&self, home: &Home) -> bool {
        self.command.contains(&format!(" -D {} ", home.cluster().display()))
    }

    /// Returns true for a helper of the server of this cluster, whose title has the name of the cluster.
    fn is_backend_of(&self, home: &Home) -> bool {
        self.command.starts_with(&format!("postgres: {}: ", home.cluster_name()))
    }

    /// Sends a signal. A process that has just ended by itself is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Err(error) = nix::sys::signal::kill(Pid::from_raw(self.pid), signal) {
            tracing::debug!(pid = self.pid, %signal, %error, "could not signal a process of PostgreSQL");
        }
    }
}

/// The server with this pid, unless the pid belongs to another program by now.
pub(crate) fn postmaster(pid: i32, home: &Home) -> Result<Option<Process>, Error> {
    Ok(system::process(pid, home.account.uid)?.filter(|process| process.is_postmaster_of(home)))
}

/// Returns true if the process with this pid, which may have been the server, is about to end. A killed process releases
/// its memory first and its sockets later, so for a moment it has no command line although its socket still answers.
pub(crate) fn is_ending(pid: i32, home: &Home) -> Result<bool, Error> {
    Ok(system::process(pid, home.account.uid)?.is_some_and(|process| process.command.is_empty()))
}

/// Returns true if there is a process with this pid, ended or not. PostgreSQL checks in the same way.
pub(crate) fn exists(pid: i32) -> bool {
    nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok()
}

/// The processes that a killed server left running.
pub(crate) fn backends(home: &Home) -> Result<Vec<Process>, Error> {
    let mut processes = system::processes(home.account.uid)?;
    processes.retain(|process| process.is_backend_of(home));
    Ok(processes)
}

#[cfg(target_os = "linux")]
mod system {
    use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

    use nix::libc::ESRCH;

    use super::Process;
    use crate::error::{At, Error};

    /// Returns the live process with a pid, or `None` if there is none or it belongs to another user.
    pub(super) fn process(pid: i32, uid: u32) -> Result<Option<Process>, Error> {
        let dir = format!("/proc/{pid}");
        match read(pid, uid, Path::new(&dir)) {
            // The process may end while it is read.
            Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => Ok(None),
            read => read.at("read", Path::new(&dir)),
        }
    }

    fn read(pid: i32, uid: u32, dir: &Path) -> io::Result<Option<Process>> {
        if fs::metadata(dir)?.uid() != uid {
            return Ok(None);
        }
        // The state follows the program's name, which is in parentheses and may contain further ones.
        let stat = fs::read(dir.join("stat"))?;
        let stat = String::from_utf8_lossy(&stat);
        let is_alive = stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']));
        let command = fs::read(dir.join("cmdline"))?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Ok(is_alive.then_some(Process { pid, command }))
    }

    pub(super) fn processes(uid: u32) -> Result<Vec<Process>, Error> {
        let proc = Path::new("/proc");
        let mut processes = Vec::new();
        for entry in fs::read_dir(proc).at("read", proc)? {
            let name = entry.at("read", proc)?.file_name();
            if let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) {
                processes.extend(process(pid, uid)?);
            }
        }
        Ok(processes)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{path::Path, process::Command};

    use super::Process;
    use crate::error::{At, Error};

    const COLUMNS: &str = "pid=,uid=,stat=,command=";

    /// Returns the live process with a pid, or `None` if there is none or it belongs to another user.
    pub(super) fn process(pid: i32, uid: u32) -> Result<Option<Process>, Error> {
        Ok(ps(&["-ww", "-o", COLUMNS, "-p", &pid.to_string()], uid)?.pop())
    }

    pub(super) fn processes(uid: u32) -> Result<Vec<Process>, Error> {
        ps(&["-axww", "-o", COLUMNS], uid)
    }

    fn ps(arguments: &[&str], uid: u32) -> Result<Vec<Process>, Error> {
        let output = Command::new("ps").args(arguments).output().at("run", Path::new("ps"))?.stdout;
        Ok(String::from_utf8_lossy(&output).lines().filter_map(|line| parse(line, uid)).collect())
    }

    fn parse(line: &str, wanted: u32) -> Option<Process> {
        let (pid, rest) = line.trim_start().split_once(' ')?;
        let (uid, rest) = rest.trim_start().split_once(' ')?;
        let (state, command) = rest.trim_start().split_once(' ')?;
        // The blank at the end is the one that ends the last argument, as on Linux.
        let command = if state.contains('E') { String::new() } else { format!("{} ", command.trim_start()) };
        let is_wanted = !state.starts_with('Z') && uid.parse() == Ok(wanted);
        is_wanted.then_some(Process { pid: pid.parse().ok()?, command })
    }
}
