//! Outages in the log: one line a second, with the number of refused requests and the cause.

use crate::infrastructure::supervise;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// The interval between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// An outage of a context's database, as the log shows it.
#[derive(Clone, Default)]
pub(crate) struct Outage(Arc<Mutex<OutageState>>);

#[derive(Default)]
struct OutageState {
    /// The earliest time of the next line.
    next: Option<Instant>,
    /// The requests that no line has counted yet.
    refused: usize,
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, OutageState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that requests were refused. The first are logged at once, others with the next line.
    pub(crate) fn refused(&self, context: &str, requests: usize, cause: String) {
        if requests == 0 {
            return;
        }
        let mut state = self.state();
        state.refused += requests;
        let now = Instant::now();
        match state.next {
            Some(next) if now < next => {
                // The first call that is held back schedules the next line.
                if state.refused == requests {
                    let (outage, context) = (self.clone(), context.to_owned());
                    supervise::drive(async move {
                        sleep_until(next).await;
                        outage.state().log(&context, &cause);
                    });
                }
            }
            _ => state.log(context, &cause),
        }
    }
}

impl OutageState {
    fn log(&mut self, context: &str, cause: &str) {
        let refused = std::mem::take(&mut self.refused);
        // Another line has counted them meanwhile.
        if refused == 0 {
            return;
        }
        self.next = Some(Instant::now() + PAUSE);
        tracing::error!(context, refused, error = cause, "requests are refused because of the database");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use tokio::time::sleep;
    use tracing_subscriber::fmt;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_writes_one_line_a_second_that_counts_every_request_and_names_the_cause() {
        let (lines, outage) = (Lines::default(), Outage::default());
        let writer = lines.clone();
        let subscriber = fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        for _ in 0..300 {
            outage.refused("ingesta", 2, "the server is away".to_owned());
            sleep(Duration::from_millis(10)).await;
        }
        sleep(PAUSE).await;
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let all: Vec<&str> = text.lines().collect();
        assert!((3..=5).contains(&all.len()), "{text}");
        let refused = |line: &str| line.split("refused=").nth(1)?.split(' ').next()?.parse::<usize>().ok();
        assert_eq!(all.iter().filter_map(|line| refused(line)).sum::<usize>(), 600, "{text}");
        assert!(
            all.iter().all(|line| line.contains("context=\"ingesta\"") && line.contains("the server is away")),
            "{text}"
        );
    }
}
