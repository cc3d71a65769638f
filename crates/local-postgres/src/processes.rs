//! Which processes there are. A pid alone proves nothing: the system gives it to another program after a crash, so a
//! process counts as the server's only by its user and its command line. (Its working folder would prove more, but root
//! in a container may not look at that of another user's process.)

use nix::{sys::signal::Signal, unistd::Pid};

use crate::home::Home;

/// A process that has not ended; one that only waits for its parent to collect it has.
pub(crate) struct Process {
    pub(crate) pid: i32,
    uid: u32,
    /// The arguments with blanks between them. A process that is about to end has none any more.
    command: String,
}

impl Process {
    /// Whether it is the server of this cluster. Its helpers carry titles that begin with `postgres:` instead.
    fn is_postmaster_of(&self, home: &Home) -> bool {
        let cluster = home.cluster();
        self.uid == home.account.uid && self.command.contains(&format!(" -D {} ", cluster.display()))
    }

    /// Whether it is one that the server of this cluster started. The title carries the name that we gave the cluster.
    fn is_backend_of(&self, home: &Home) -> bool {
        self.uid == home.account.uid && self.command.starts_with(&format!("postgres: {}: ", home.cluster_name()))
    }

    /// A process that has just ended by itself is as good as one that got the signal.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Err(error) = nix::sys::signal::kill(Pid::from_raw(self.pid), signal) {
            tracing::debug!(pid = self.pid, %signal, %error, "could not signal a process of PostgreSQL");
        }
    }
}

/// The server with this pid, unless the pid means another program by now.
pub(crate) fn postmaster(pid: i32, home: &Home) -> Option<Process> {
    system::process(pid).filter(|process| process.is_postmaster_of(home))
}

/// Whether the process with this pid, which may have been the server, is about to end. A killed process gives up its
/// memory first and its sockets later, so for a moment nobody can tell what it was although its socket still answers.
pub(crate) fn is_ending(pid: i32, home: &Home) -> bool {
    system::process(pid).is_some_and(|process| process.uid == home.account.uid && process.command.is_empty())
}

/// Whether there is any process with this pid, ended or not. It is how PostgreSQL asks.
pub(crate) fn exists(pid: i32) -> bool {
    nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok()
}

/// What a killed server left running.
pub(crate) fn backends(home: &Home) -> Vec<Process> {
    system::processes().into_iter().filter(|process| process.is_backend_of(home)).collect()
}

#[cfg(target_os = "linux")]
mod system {
    use std::{fs, os::unix::fs::MetadataExt};

    use super::Process;

    pub(super) fn process(pid: i32) -> Option<Process> {
        let dir = format!("/proc/{pid}");
        let uid = fs::metadata(&dir).ok()?.uid();
        // The state follows the program's name, which stands in parentheses and may contain some.
        let stat = fs::read_to_string(format!("{dir}/stat")).ok()?;
        let has_ended = stat.rsplit_once(") ")?.1.starts_with(['Z', 'X']);
        let command = fs::read(format!("{dir}/cmdline")).ok().filter(|_| !has_ended)?;
        Some(Process { pid, uid, command: String::from_utf8_lossy(&command).replace('\0', " ") })
    }

    pub(super) fn processes() -> Vec<Process> {
        let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| process(name.to_str()?.parse().ok()?)).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::process::Command;

    use super::Process;

    const COLUMNS: &str = "pid=,uid=,stat=,command=";

    pub(super) fn process(pid: i32) -> Option<Process> {
        ps(&["-ww", "-o", COLUMNS, "-p", &pid.to_string()]).pop()
    }

    pub(super) fn processes() -> Vec<Process> {
        ps(&["-axww", "-o", COLUMNS])
    }

    fn ps(arguments: &[&str]) -> Vec<Process> {
        let output = Command::new("ps").args(arguments).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).lines().filter_map(parse).collect()
    }

    fn parse(line: &str) -> Option<Process> {
        let (pid, rest) = line.trim_start().split_once(' ')?;
        let (uid, rest) = rest.trim_start().split_once(' ')?;
        let (state, command) = rest.trim_start().split_once(' ')?;
        // The blank at the end is the one that ends the last argument, as on Linux.
        let command = if state.contains('E') { String::new() } else { format!("{} ", command.trim_start()) };
        (!state.starts_with('Z')).then_some(Process { pid: pid.parse().ok()?, uid: uid.parse().ok()?, command })
    }
}
