//! Starts the server and shuts it down. Callers hold the start lock.

use std::{
    fs,
    fs::File,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tokio::process::Child;

use crate::{
    binaries::Binaries,
    error::{At, Error},
    home::Home,
    parameters::parameters,
    postmaster::{State, clear_traces, process, state},
    processes::{Process, backends, postmaster},
};

/// The interval at which the state of the server is checked.
const POLL: Duration = Duration::from_millis(5);

/// The time for the processes of a killed server to end by themselves, and then after each signal.
const GRACE: Duration = Duration::from_secs(1);

/// The most time before the deadline that is reserved for an immediate shutdown.
const HASTE: Duration = Duration::from_secs(10);

/// Starts a server unless one runs and waits until it accepts connections. Returns the folder of its socket.
pub(crate) async fn bring_up(
    home: &Home,
    binaries: &Binaries,
    socket_dir: &Path,
    chosen: &[(String, String)],
    deadline: Duration,
) -> Result<PathBuf, Error> {
    let started = Instant::now();
    let mut ours: Option<Child> = None;
    let mut orphans = Orphans::default();
    while started.elapsed() < deadline {
        if let Some(status) = ours.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
            ours = None;
            let output = fs::read_to_string(home.start_log()).unwrap_or_default();
            if output.contains("shared memory block") {
                orphans.hasten(home)?;
            } else if !output.contains("lock file \"postmaster.pid\" already exists") {
                let output = format!("{} ({status})", last_lines(&output, home));
                return Err(Error::Start { log: home.start_log(), output });
            }
        }
        match state(home)? {
            // A dropped child keeps running; tokio collects its exit status later.
            State::Ready { socket_dir } => return Ok(socket_dir),
            State::Absent if ours.is_none() => {
                clear_traces(home, socket_dir)?;
                ours = Some(spawn(home, binaries, socket_dir, chosen)?);
            }
            State::Absent | State::Starting | State::Stopping => {}
        }
        tokio::time::sleep(POLL).await;
    }
    // A server that is still recovering continues, and the next process waits for it again.
    Err(Error::Deadline { what: "PostgreSQL to start", path: home.dir().to_owned(), waited: deadline })
}

/// Shuts the server down. Running statements are cancelled, and everything committed is on disk. A server that is still up
/// shortly before the deadline gets an immediate shutdown.
pub(crate) async fn shut_down(home: &Home, deadline: Duration) -> Result<(), Error> {
    let haste = (deadline / 2).min(HASTE);
    let started = Instant::now();
    let Some(process) = begin_shut_down(home)? else { return Ok(()) };
    let mut is_patient = true;
    // The server removes its file last, but its folders are free only after its end.
    while postmaster(process.pid, home)?.is_some() || !matches!(state(home)?, State::Absent) {
        if is_patient && started.elapsed() > deadline - haste {
            // Nothing is lost: the next start recovers from the log.
            tracing::warn!("PostgreSQL takes too long to shut down: ending it at once");
            postmaster(process.pid, home)?.inspect(|process| process.signal(Signal::SIGQUIT));
            is_patient = false;
        }
        if started.elapsed() > deadline {
            return Err(Error::Deadline { what: "PostgreSQL to stop", path: home.dir().to_owned(), waited: deadline });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Asks the server to stop. Returns its pid. From its reaction on, `state` is `Stopping`.
pub(crate) fn begin_shut_down(home: &Home) -> Result<Option<Process>, Error> {
    let process = process(home)?;
    match &process {
        Some(process) => process.signal(Signal::SIGINT),
        None if matches!(state(home)?, State::Absent) => {}
        None => tracing::warn!("PostgreSQL was started in another container and cannot be stopped from this one"),
    }
    Ok(process)
}

fn spawn(home: &Home, binaries: &Binaries, socket_dir: &Path, chosen: &[(String, String)]) -> Result<Child, Error> {
    home.account.private_dir(&home.log_dir())?;
    home.prune_log();
    home.account.private_dir(socket_dir)?;
    let log = File::options().create(true).truncate(true).write(true).mode(0o600).open(home.start_log());
    let log = log.at("write", &home.start_log())?;
    let program = binaries.program("postgres");
    let mut command = home.account.command(&program);
    command.arg("-D").arg(home.cluster());
    for (name, value) in parameters(home, socket_dir, chosen) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.stdin(Stdio::null()).stdout(log.try_clone().at("write", &home.start_log())?).stderr(log);
    tokio::process::Command::from(command).spawn().at("run", &program)
}

/// The processes of a server that was killed alone. They end by themselves unless one is busy computing. Until then,
/// PostgreSQL refuses to start another server on the cluster.
#[derive(Default)]
struct Orphans {
    seen: Option<Instant>,
}

impl Orphans {
    /// Sends stronger signals the longer they stay. Nothing is lost: everything committed is on disk.
    fn hasten(&mut self, home: &Home) -> Result<(), Error> {
        let waited = self.seen.get_or_insert_with(Instant::now).elapsed();
        let signal = match waited {
            waited if waited < GRACE => return Ok(()),
            waited if waited < GRACE * 2 => Signal::SIGTERM,
            waited if waited < GRACE * 3 => Signal::SIGQUIT,
            _ => Signal::SIGKILL,
        };
        for orphan in backends(home)? {
            tracing::info!(pid = orphan.pid, %signal, "ending a process that a killed PostgreSQL left");
            orphan.signal(signal);
        }
        Ok(())
    }
}

/// The end of the server's output: from its start file or, once it is open, from its log.
fn last_lines(start_log: &str, home: &Home) -> String {
    let newest = fs::read_dir(home.log_dir()).into_iter().flatten().flatten().filter_map(|entry| {
        let modified = entry.metadata().ok()?.modified().ok()?;
        Some((modified, entry.path()))
    });
    let log = newest.max().and_then(|(_, path)| fs::read_to_string(path).ok()).unwrap_or_default();
    let text = if start_log.contains("FATAL") || log.is_empty() { start_log } else { &log };
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}
