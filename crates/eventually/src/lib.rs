//! Waits in tests for a condition that becomes true at a time of its own. No test sleeps for a fixed time.

use std::{panic::Location, time::Duration};
use tokio::time::Instant;

/// The time that a condition has: more than anything needs on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Repeats `ask` until it returns a value, and returns the value.
///
/// # Panics
///
/// There is no value within a minute. The message names the caller and `what`.
#[track_caller]
pub fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let (deadline, mut pause) = (Instant::now() + DEADLINE, Duration::from_millis(1));
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            assert!(Instant::now() < deadline, "{caller}: within {DEADLINE:?} it was not true that {what}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_condition_is_asked_until_it_is_true() {
        let mut times = 0;
        let value = eventually("it is the third time", || {
            times += 1;
            std::future::ready((times == 3).then_some("done"))
        });
        assert_eq!(value.await, "done");
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "within 60s it was not true that pigs fly")]
    async fn a_condition_that_never_becomes_true_names_itself() {
        eventually("pigs fly", || std::future::ready(None::<()>)).await;
    }
}
