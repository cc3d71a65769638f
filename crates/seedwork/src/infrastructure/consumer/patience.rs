//! Decides how long a message is tried in memory, while its key waits.

use super::subscriptions::Outcome;
use std::time::Duration;
use tokio::time::Instant;

/// The longest time for which a message may fail before it is parked.
const FAILING: Duration = Duration::from_secs(3);
/// The longest time for which a message may lose races before that is a failure.
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

/// The time for which a message has failed, and has lost races. Waiting for the database counts as neither.
#[derive(Default)]
pub(super) struct Patience {
    failing: Spent,
    racing: Spent,
}

/// Time that was spent on tries of one kind, with the pauses between them.
#[derive(Default)]
struct Spent {
    total: Duration,
    /// The end of the last try, unless another kind followed it.
    until: Option<Instant>,
}

impl Spent {
    /// Adds a try. Returns true if that is more than `limit` in all.
    fn exceeds(&mut self, limit: Duration, began: Instant, now: Instant) -> bool {
        self.total += now - self.until.replace(now).unwrap_or(began);
        self.total > limit
    }
}

impl Patience {
    /// The verdict on a try that began at `began` and ended at `now`.
    pub(super) fn judge(&mut self, outcome: Outcome, began: Instant, now: Instant) -> Verdict {
        match outcome {
            Outcome::Done => Verdict::Done,
            Outcome::Unheard(kind) => Verdict::Unheard(kind),
            Outcome::Behind => Verdict::Park(Why::Behind),
            Outcome::Hopeless(reason) => Verdict::Park(Why::Hopeless(reason)),
            Outcome::Failed(reason) if self.failing.exceeds(FAILING, began, now) => Verdict::Park(Why::Failed(reason)),
            Outcome::Raced(reason) if self.racing.exceeds(RACING, began, now) => Verdict::Park(Why::Failed(reason)),
            Outcome::Failed(reason) | Outcome::Raced(reason) => Verdict::Retry(reason),
            Outcome::Later(reason) => {
                (self.failing.until, self.racing.until) = (None, None);
                Verdict::Retry(reason)
            }
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
    fn waiting_for_the_database_between_two_failures_is_not_counted() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        for (outcome, at) in [(Outcome::Failed("no".into()), 0), (Outcome::Later("away".into()), 10)] {
            assert!(matches!(patience.judge(outcome, start + seconds(at), start + seconds(at)), Verdict::Retry(_)));
        }
        let verdict = patience.judge(Outcome::Failed("no".into()), start + seconds(20), start + seconds(21));
        assert_eq!(verdict, Verdict::Retry("no".into()));
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
