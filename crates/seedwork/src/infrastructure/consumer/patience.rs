//! Decides how long a message is tried in memory, while its key waits.

use super::hearing::Outcome;
use std::time::Duration;
use tokio::time::Instant;

/// How long a message may fail before it is parked.
const FAILING: Duration = Duration::from_secs(3);
/// How long a message may lose races before that is a failure.
const RACING: Duration = Duration::from_secs(60);

/// The reason for which a message is parked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// An earlier message of its key is parked.
    Behind,
    /// It failed for too long.
    Failed(String),
    /// It can never be handled.
    Hopeless(String),
}

/// The next step for a message that was tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is settled.
    Done,
    /// It is settled when its type is noted.
    Unheard(String),
    /// It is set aside.
    Park(Why),
    /// It is tried again, for this reason.
    Retry(String),
}

/// Since when a message fails, and since when it loses races. Waiting for the database counts as neither.
#[derive(Default)]
pub(super) struct Patience {
    failing: Option<Instant>,
    racing: Option<Instant>,
}

impl Patience {
    /// The verdict on a try that began at `began` and ended at `now`.
    pub(super) fn judge(&mut self, outcome: Outcome, began: Instant, now: Instant) -> Verdict {
        let is_over = |since: &mut Option<Instant>, limit| now - *since.get_or_insert(began) > limit;
        match outcome {
            Outcome::Done => Verdict::Done,
            Outcome::Unheard(kind) => Verdict::Unheard(kind),
            Outcome::Behind => Verdict::Park(Why::Behind),
            Outcome::Hopeless(reason) => Verdict::Park(Why::Hopeless(reason)),
            Outcome::Failed(reason) if is_over(&mut self.failing, FAILING) => Verdict::Park(Why::Failed(reason)),
            Outcome::Raced(reason) if is_over(&mut self.racing, RACING) => Verdict::Park(Why::Failed(reason)),
            Outcome::Failed(reason) | Outcome::Raced(reason) | Outcome::Later(reason) => Verdict::Retry(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The verdicts on tries that each take a second, one after the other.
    fn verdicts(outcome: &Outcome, tries: u64) -> Vec<Verdict> {
        let (mut patience, start) = (Patience::default(), Instant::now());
        (0..tries).map(|n| patience.judge(outcome.clone(), start + seconds(n), start + seconds(n + 1))).collect()
    }

    #[test]
    fn a_message_that_fails_is_parked_after_a_few_seconds() {
        let failed = Outcome::Failed("no".into());
        let mut verdicts = verdicts(&failed, 4);
        assert_eq!(verdicts.pop(), Some(Verdict::Park(Why::Failed("no".into()))));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Retry("no".into())), "{verdicts:?}");
    }

    #[test]
    fn a_message_that_loses_races_is_parked_after_a_minute() {
        let raced = Outcome::Raced("race".into());
        let mut verdicts = verdicts(&raced, 61);
        assert_eq!(verdicts.pop(), Some(Verdict::Park(Why::Failed("race".into()))));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Retry("race".into())), "{verdicts:?}");
    }

    #[test]
    fn a_message_whose_handler_uses_up_its_time_is_parked_at_once() {
        let (failed, start) = (Outcome::Failed("slow".into()), Instant::now());
        let verdict = Patience::default().judge(failed, start, start + seconds(30));
        assert_eq!(verdict, Verdict::Park(Why::Failed("slow".into())));
    }

    #[test]
    fn nothing_is_counted_against_a_message_that_waits_for_the_database() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        for n in 0..1_000 {
            let verdict = patience.judge(Outcome::Later("away".into()), start + seconds(n), start + seconds(n + 1));
            assert_eq!(verdict, Verdict::Retry("away".into()));
        }
        let verdict = patience.judge(Outcome::Failed("no".into()), start + seconds(1_000), start + seconds(1_001));
        assert_eq!(verdict, Verdict::Retry("no".into()));
    }
}
