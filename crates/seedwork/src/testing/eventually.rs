//! Waiting for what happens in its own time, without sleeping for a fixed one.

use std::time::Duration;
use tokio::time::Instant;

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer, and answers it.
///
/// # Panics
///
/// There is none within half a minute: the test fails where it called this.
#[track_caller]
pub fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    let caller = std::panic::Location::caller();
    async move {
        let (deadline, mut pause) = (Instant::now() + DEADLINE, Duration::from_millis(1));
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < deadline, "{caller}: {what} did not come true within {DEADLINE:?}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}
