//! The time for which a message is retried in memory, while its key waits, before it is parked.

use super::subscriptions::Outcome;
use std::time::Duration;
use tokio::time::Instant;

/// The longest time for which attempts may fail before the message is parked.
const FAILING: Duration = Duration::from_secs(3);
/// The longest time for which attempts may lose races before the message is parked.
const RACING: Duration = Duration::from_secs(60);

/// The reason why a message is parked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParkReason {
    /// An earlier message of its key is parked.
    Behind,
    /// Its retry budget is used up.
    RetriesExhausted(String),
    /// A retry cannot help.
    Permanent(String),
}

/// The next step after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// It is settled.
    Settle,
    /// It is settled when its type is recorded as unhandled.
    RecordUnhandled(String),
    /// It is parked.
    Park(ParkReason),
    /// It is retried, for this reason.
    Retry(String),
}

/// The time that a message has spent on failed attempts, and on lost races. Time without the database counts as
/// neither.
#[derive(Default)]
pub(super) struct RetryBudget {
    failing: TimeSpent,
    racing: TimeSpent,
}

/// The time spent on attempts of one kind, with the pauses between them.
#[derive(Default)]
struct TimeSpent {
    total: Duration,
    /// The end of the last attempt, unless one of another kind followed.
    until: Option<Instant>,
}

impl TimeSpent {
    /// Adds an attempt. Returns true if the total exceeds `limit`.
    fn exceeds(&mut self, limit: Duration, began: Instant, now: Instant) -> bool {
        self.total += now - self.until.replace(now).unwrap_or(began);
        self.total > limit
    }
}

impl RetryBudget {
    /// Returns the next step after an attempt from `began` to `now`.
    pub(super) fn next_step(&mut self, outcome: Outcome, began: Instant, now: Instant) -> NextStep {
        match outcome {
            Outcome::Handled => NextStep::Settle,
            Outcome::Unhandled(kind) => NextStep::RecordUnhandled(kind),
            Outcome::Behind => NextStep::Park(ParkReason::Behind),
            Outcome::Permanent(reason) => NextStep::Park(ParkReason::Permanent(reason)),
            Outcome::Transient(reason) if self.failing.exceeds(FAILING, began, now) => {
                NextStep::Park(ParkReason::RetriesExhausted(reason))
            }
            Outcome::Raced(reason) if self.racing.exceeds(RACING, began, now) => {
                NextStep::Park(ParkReason::RetriesExhausted(reason))
            }
            Outcome::Transient(reason) | Outcome::Raced(reason) => NextStep::Retry(reason),
            Outcome::Unavailable(reason) => {
                (self.failing.until, self.racing.until) = (None, None);
                NextStep::Retry(reason)
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

    /// Returns the steps after consecutive attempts of a second each.
    fn steps(outcome: &Outcome, attempts: u64) -> Vec<NextStep> {
        let (mut budget, start) = (RetryBudget::default(), Instant::now());
        (0..attempts).map(|n| budget.next_step(outcome.clone(), start + seconds(n), start + seconds(n + 1))).collect()
    }

    #[test]
    fn a_message_that_fails_is_parked_after_a_few_seconds() {
        let failed = Outcome::Transient("no".into());
        let mut steps = steps(&failed, 4);
        assert_eq!(steps.pop(), Some(NextStep::Park(ParkReason::RetriesExhausted("no".into()))));
        assert!(steps.iter().all(|step| *step == NextStep::Retry("no".into())), "{steps:?}");
    }

    #[test]
    fn a_message_that_loses_races_is_parked_after_a_minute() {
        let raced = Outcome::Raced("race".into());
        let mut steps = steps(&raced, 61);
        assert_eq!(steps.pop(), Some(NextStep::Park(ParkReason::RetriesExhausted("race".into()))));
        assert!(steps.iter().all(|step| *step == NextStep::Retry("race".into())), "{steps:?}");
    }

    #[test]
    fn a_message_whose_handler_uses_up_its_time_is_parked_at_once() {
        let (failed, start) = (Outcome::Transient("slow".into()), Instant::now());
        let step = RetryBudget::default().next_step(failed, start, start + seconds(30));
        assert_eq!(step, NextStep::Park(ParkReason::RetriesExhausted("slow".into())));
    }

    #[test]
    fn waiting_for_the_database_between_two_failures_is_not_counted() {
        let (mut budget, start) = (RetryBudget::default(), Instant::now());
        for (outcome, at) in [(Outcome::Transient("no".into()), 0), (Outcome::Unavailable("away".into()), 10)] {
            assert!(matches!(budget.next_step(outcome, start + seconds(at), start + seconds(at)), NextStep::Retry(_)));
        }
        let step = budget.next_step(Outcome::Transient("no".into()), start + seconds(20), start + seconds(21));
        assert_eq!(step, NextStep::Retry("no".into()));
    }

    #[test]
    fn nothing_is_counted_against_a_message_that_waits_for_the_database() {
        let (mut budget, start) = (RetryBudget::default(), Instant::now());
        for n in 0..1_000 {
            let step =
                budget.next_step(Outcome::Unavailable("away".into()), start + seconds(n), start + seconds(n + 1));
            assert_eq!(step, NextStep::Retry("away".into()));
        }
        let step = budget.next_step(Outcome::Transient("no".into()), start + seconds(1_000), start + seconds(1_001));
        assert_eq!(step, NextStep::Retry("no".into()));
    }
}
