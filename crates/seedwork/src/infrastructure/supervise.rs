//! The tasks of the process: named, restarted after a panic, and drained at the end.

use std::{future::Future, time::Duration};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The pause before a task is restarted after its first panic.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a task that keeps panicking is restarted.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The time after which a run counts as recovered: the pause after the next panic is the first pause again.
const GOOD_RUN: Duration = Duration::from_secs(60);

/// Owns the tasks of a process.
#[derive(Clone, Default)]
pub struct Supervisor {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Supervisor {
    /// Creates a supervisor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task until it returns. A task that panics is logged and restarted, after a pause that grows until a run
    /// lasts for a minute. State that must survive a panic belongs outside of the task. The task must return soon after
    /// the token is cancelled.
    #[expect(clippy::disallowed_methods, reason = "this is where tasks are started")]
    pub fn spawn<F, T>(&self, name: &'static str, mut task: F)
    where
        F: FnMut(CancellationToken) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let (mut began, mut pause) = (Instant::now(), FIRST_PAUSE);
            while let Err(failure) = tokio::spawn(task(stop.clone())).await {
                if !failure.is_panic() {
                    break;
                }
                if began.elapsed() >= GOOD_RUN {
                    pause = FIRST_PAUSE;
                }
                tracing::error!(task.name = name, error = %failure, "a task panicked and is restarted");
                metrics::counter!("sta_task_panics_total", "task" => name).increment(1);
                if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    break;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                began = Instant::now();
            }
        });
    }

    /// Returns the token that ends the tasks.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cancels the token and waits for the tasks to end, at most for `timeout`. Returns true if all ended.
    pub async fn stop(&self, timeout: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(timeout, self.tasks.wait()).await.is_ok()
    }
}

/// Runs a future that ends with the value that it belongs to: the driver of a connection ends when the connection is
/// dropped.
#[expect(clippy::disallowed_methods, reason = "this is where tasks are started")]
pub(crate) fn drive(future: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(future);
}

/// Runs a function that may block, on a thread of its own.
///
/// # Errors
///
/// The system gives no more threads.
pub fn thread(name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name).spawn(run).map(drop)
}

/// Returns a random part of a pause, between half and all of it, so that waiting tasks do not retry at the same moment.
pub(crate) fn jitter(pause: Duration) -> Duration {
    let random = uuid::Uuid::now_v7().as_u128() as u32;
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[tokio::test]
    async fn a_task_that_panics_is_restarted() {
        let supervisor = Supervisor::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&runs);
        supervisor.spawn("breaks once", move |_| {
            let run = seen.fetch_add(1, Ordering::Relaxed);
            async move { assert!(run > 0, "the first run breaks") }
        });
        supervisor.tasks.close();
        supervisor.tasks.wait().await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_after_a_panic_grows_until_a_run_lasts() {
        let supervisor = Supervisor::new();
        let (runs, mut started) = tokio::sync::mpsc::unbounded_channel();
        // Seven runs that break at once, one that lasts, and one more.
        let mut run = 0;
        supervisor.spawn("breaks", move |_| {
            runs.send(Instant::now()).unwrap();
            run += 1;
            async move {
                if run == 8 {
                    tokio::time::sleep(GOOD_RUN).await;
                }
                assert!(run > 8, "this run breaks");
            }
        });
        let mut starts = Vec::new();
        while let Some(start) = started.recv().await {
            starts.push(start);
        }
        let pauses: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses[6] >= LONGEST_PAUSE, "{pauses:?}");
        assert!(pauses[7] - GOOD_RUN < Duration::from_secs(1), "{pauses:?}");
    }

    #[tokio::test]
    async fn stopping_waits_for_the_tasks() {
        let supervisor = Supervisor::new();
        supervisor.spawn("waits", |stop| async move { stop.cancelled().await });
        assert!(supervisor.stop(Duration::from_secs(5)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_does_not_wait_for_ever() {
        let supervisor = Supervisor::new();
        supervisor.spawn("never ends", |_| std::future::pending());
        assert!(!supervisor.stop(Duration::from_secs(5)).await);
    }
}
