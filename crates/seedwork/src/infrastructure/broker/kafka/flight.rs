//! Records that are handed to the client and not yet safe: in order, bounded in bytes.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::{cmp::Reverse, collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// The limits of the window, in bytes: the least, for a slow cluster, and the most.
const WINDOW: (usize, usize) = (64 * 1024, 8_000_000);

/// A record that is safe sooner than `QUICK` lets the window grow. One that takes longer than `SLOW` shrinks it: a
/// failure then loses less, and the cursor moves more often.
const QUICK: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(15);

/// The most bytes that records in flight may have together. It outlives a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) bytes: usize,
    /// The bytes that were safe quickly since the window last changed.
    quick: usize,
    shrunk_at: Option<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        Self { bytes: WINDOW.1, quick: 0, shrunk_at: None }
    }
}

impl Window {
    /// Halves the window, down to its least size.
    pub(super) fn shrink(&mut self) {
        *self = Self { bytes: (self.bytes / 2).max(WINDOW.0), quick: 0, shrunk_at: Some(Instant::now()) };
    }

    /// Notes that a record of `bytes`, sent at `at`, is safe.
    fn took(&mut self, at: Instant, bytes: usize) {
        let took = at.elapsed();
        if took > SLOW {
            // A record that was sent before the window shrank does not measure its present size.
            if self.shrunk_at.is_none_or(|shrunk_at| at > shrunk_at) {
                self.shrink();
            }
        } else if took < QUICK {
            self.quick += bytes;
            if self.quick >= self.bytes {
                (self.bytes, self.quick) = ((self.bytes * 2).min(WINDOW.1), 0);
            }
        }
    }
}

/// A record in flight.
struct Sent {
    /// Its number in the log.
    number: i64,
    bytes: usize,
    at: Instant,
    /// True if other records of its partition wait for it.
    opens: bool,
    is_safe: bool,
}

/// Everything in flight of one producer.
pub(super) struct Flight {
    /// The records in order, from the first that is not safe.
    sent: VecDeque<Sent>,
    /// The id of the first of `sent`: ids count from 0 on.
    first: usize,
    /// The bytes of all records in `sent` that are not safe.
    bytes: usize,
    /// The number of records that are not reported yet.
    missing: usize,
    /// The number in the log up to which everything is safe; none after it was taken.
    safe: Option<i64>,
    /// The time when a record last became safe, or was sent while nothing was in flight.
    moved_at: Instant,
    pub(super) window: Window,
    failure: Option<Failure>,
    taken_back: bool,
}

/// The reason why a record was not taken.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    id: usize,
    pub(super) bytes: usize,
    pub(super) error: KafkaError,
}

impl Flight {
    pub(super) fn new(window: Window) -> Self {
        Self {
            sent: VecDeque::new(),
            first: 0,
            bytes: 0,
            missing: 0,
            safe: None,
            moved_at: Instant::now(),
            window,
            failure: None,
            taken_back: false,
        }
    }

    /// Returns true if one more record may be sent. A record of any size may if nothing is in flight.
    pub(super) fn has_room(&self) -> bool {
        self.missing == 0 || self.bytes < self.window.bytes
    }

    /// Notes a record as sent. Returns its id.
    pub(super) fn send(&mut self, number: i64, bytes: usize, opens: bool) -> usize {
        let at = Instant::now();
        if self.missing == 0 {
            self.moved_at = at;
        }
        self.missing += 1;
        self.bytes += bytes;
        self.sent.push_back(Sent { number, bytes, at, opens, is_safe: false });
        self.first + self.sent.len() - 1
    }

    /// Notes that everything up to `number` is sent. The last numbers may have no record, because nothing of them is
    /// published.
    pub(super) fn pass(&mut self, number: i64) {
        if self.sent.is_empty() {
            self.safe = self.safe.max(Some(number));
        } else if self.sent.back().is_some_and(|last| last.number < number) {
            self.sent.push_back(Sent { number, bytes: 0, at: Instant::now(), opens: false, is_safe: true });
        }
    }

    /// Returns true if a record is safe.
    pub(super) fn is_safe(&self, id: usize) -> bool {
        id.checked_sub(self.first).is_none_or(|place| self.sent.get(place).is_some_and(|sent| sent.is_safe))
    }

    /// Takes the report of a record. Returns true if somebody may wait for it.
    pub(super) fn report(&mut self, id: usize, outcome: Result<(), KafkaError>) -> bool {
        self.missing = self.missing.saturating_sub(1);
        let Some(sent) = id.checked_sub(self.first).and_then(|place| self.sent.get_mut(place)) else { return true };
        match outcome {
            Ok(()) => {
                sent.is_safe = true;
                let (bytes, at, opens) = (sent.bytes, sent.at, sent.opens);
                self.bytes = self.bytes.saturating_sub(bytes);
                self.moved_at = Instant::now();
                self.window.took(at, bytes);
                while self.sent.front().is_some_and(|sent| sent.is_safe) {
                    self.safe = self.sent.pop_front().map(|sent| sent.number);
                    self.first += 1;
                }
                opens || self.missing == 0 || self.bytes <= self.window.bytes / 2
            }
            Err(error) => {
                let bytes = sent.bytes;
                self.fail(Failure { id, bytes, error });
                true
            }
        }
    }

    /// Notes the failure of a record. Of several, it keeps the one that best names the cause.
    pub(super) fn fail(&mut self, new: Failure) {
        match new.error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => self.taken_back = true,
            _ => {
                let weight = |failure: &Failure| (telling(&failure.error), Reverse(failure.id));
                if self.failure.as_ref().is_none_or(|known| weight(known) < weight(&new)) {
                    self.failure = Some(new);
                }
            }
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some() || self.taken_back
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Returns true if nothing is in flight.
    pub(super) fn is_settled(&self) -> bool {
        self.missing == 0
    }

    /// Takes the number up to which everything is safe; none if nothing became safe since the last call.
    pub(super) fn take_safe(&mut self) -> Option<i64> {
        self.safe.take()
    }

    /// The time without progress while reports are missing; zero if none is missing.
    pub(super) fn stalled(&self) -> Duration {
        if self.missing == 0 { Duration::ZERO } else { self.moved_at.elapsed() }
    }
}

/// Ranks an error by how well it names the cause, up to 2. A refusal makes the client fail all other records, too.
fn telling(error: &KafkaError) -> u8 {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee) => 0,
        _ if !is_refusal(error) => 1,
        _ => 2,
    }
}

/// Returns true if the cluster refuses a record as such, however often it is sent.
pub(super) fn is_refusal(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::PolicyViolation
                | RDKafkaErrorCode::MessageBatchTooLarge
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: RDKafkaErrorCode) -> Result<(), KafkaError> {
        Err(KafkaError::MessageProduction(code))
    }

    /// Sends records of these sizes in bytes, numbered from 1 on.
    fn flight(sizes: &[usize]) -> Flight {
        let mut flight = Flight::new(Window::default());
        for (number, bytes) in (1..).zip(sizes) {
            flight.send(number, *bytes, false);
        }
        flight
    }

    #[test]
    fn the_acknowledged_prefix_ends_at_the_first_record_that_is_not_safe() {
        let mut flight = flight(&[1; 5]);
        for id in [1, 3, 4] {
            flight.report(id, Ok(()));
        }
        assert_eq!(flight.take_safe(), None);
        flight.report(0, Ok(()));
        assert_eq!(flight.take_safe(), Some(2));
        assert!(flight.is_safe(0) && !flight.is_safe(2) && flight.is_safe(4) && !flight.is_settled());
        flight.report(2, Ok(()));
        assert_eq!((flight.take_safe(), flight.is_settled()), (Some(5), true));
        flight.pass(9);
        assert_eq!(flight.take_safe(), Some(9));
    }

    #[test]
    fn numbers_that_nothing_is_published_of_are_passed_with_those_before_them() {
        let mut flight = flight(&[1, 1]);
        flight.pass(7);
        flight.report(1, Ok(()));
        assert_eq!(flight.take_safe(), None);
        flight.report(0, Ok(()));
        assert_eq!(flight.take_safe(), Some(7));
    }

    #[test]
    fn a_failure_ends_the_acknowledged_prefix() {
        let mut flight = flight(&[1; 3]);
        flight.report(0, Ok(()));
        flight.report(1, failed(RDKafkaErrorCode::PurgeQueue));
        flight.report(2, Ok(()));
        assert_eq!((flight.take_safe(), flight.is_settled(), flight.has_failed()), (Some(1), true, true));
    }

    #[test]
    fn the_failure_that_tells_the_cause_is_kept() {
        let mut flight = flight(&[1; 4]);
        flight.report(0, failed(RDKafkaErrorCode::GaplessGuarantee));
        flight.report(3, failed(RDKafkaErrorCode::MessageSizeTooLarge));
        flight.report(1, failed(RDKafkaErrorCode::InvalidTimestamp));
        flight.report(2, failed(RDKafkaErrorCode::PurgeQueue));
        let code = flight.failure().and_then(|failure| failure.error.rdkafka_error_code());
        assert_eq!(code, Some(RDKafkaErrorCode::MessageSizeTooLarge));
    }

    #[test]
    fn what_is_in_flight_is_bounded_in_bytes_and_one_record_always_goes() {
        let mut flight = flight(&[WINDOW.1 + 1]);
        assert!(!flight.has_room());
        assert!(flight.report(0, Ok(())), "who waits for room is woken");
        assert!(flight.has_room());
        flight.send(2, WINDOW.1 - 1, false);
        assert!(flight.has_room());
        flight.send(3, 1, false);
        assert!(!flight.has_room());
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_shrinks_when_records_are_slow_and_grows_when_they_are_quick() {
        let mut flight = flight(&[100; 3]);
        tokio::time::advance(SLOW * 2).await;
        flight.report(0, Ok(()));
        flight.report(1, Ok(()));
        assert_eq!(flight.window.bytes, WINDOW.1 / 2, "once for all that was sent before");
        for _ in 0..20 {
            flight.window.shrink();
        }
        assert_eq!(flight.window.bytes, WINDOW.0, "never to nothing");
        for _ in 0..10 {
            let bytes = flight.window.bytes;
            let id = flight.send(4, bytes, false);
            flight.report(id, Ok(()));
        }
        assert_eq!(flight.window.bytes, WINDOW.1);
    }
}
