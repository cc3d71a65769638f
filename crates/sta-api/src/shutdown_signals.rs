//! The signals that end the process.

use std::{future::poll_fn, task::Poll, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

/// The longest time from the first signal to the end. The runtime and the log add two seconds at most.
pub(crate) const DRAIN: Duration = Duration::from_secs(18);

/// SIGINT, SIGTERM, SIGQUIT and SIGHUP. A signal that arrives between creation and [`recv`](Self::recv) is not lost.
pub(crate) struct ShutdownSignals {
    signals: Vec<Signal>,
    first: Option<Instant>,
}

impl ShutdownSignals {
    /// Installs the signal handlers.
    ///
    /// # Errors
    ///
    /// The handlers cannot be installed.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()];
        // `nohup` makes a process ignore SIGHUP, so that it outlives its terminal.
        if !is_ignored(SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        Ok(Self { signals: kinds.into_iter().map(signal).collect::<Result<_, _>>()?, first: None })
    }

    /// Waits for the next signal.
    pub(crate) async fn recv(&mut self) {
        let signals = &mut self.signals;
        poll_fn(|context| match signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        self.first.get_or_insert_with(Instant::now);
    }

    /// Returns the moment by which the process ends: [`DRAIN`] after the first signal or, without one, after now.
    pub(crate) fn deadline(&self) -> Instant {
        self.first.unwrap_or_else(Instant::now) + DRAIN
    }
}

/// Returns true if the process was started with a signal ignored, as far as the system shows it.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
