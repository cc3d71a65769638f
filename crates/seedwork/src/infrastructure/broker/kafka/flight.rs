//! Records that are handed to the client and not yet safe: in order, bounded in bytes.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::{cmp::Reverse, collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// The most bytes in flight, and the fewest that a slow cluster is given.
const WINDOW: (usize, usize) = (64 * 1024, 8_000_000);

/// A record that is safe after this time, or sooner, lets the window grow; one that takes longer than the second lets it
/// shrink: less is lost with a failure, and the cursor moves more often.
const QUICK: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(15);

/// The size that records in flight may have together. It outlives a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) bytes: usize,
    /// The bytes that were quickly safe since it changed.
    quick: usize,
    shrunk_at: Option<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        Self { bytes: WINDOW.1, quick: 0, shrunk_at: None }
    }
}

impl Window {
    /// Halves it.
    pub(super) fn shrink(&mut self) {
        *self = Self { bytes: (self.bytes / 2).max(WINDOW.0), quick: 0, shrunk_at: Some(Instant::now()) };
    }

    /// Takes note that a record of `bytes`, sent at `at`, is safe.
    fn took(&mut self, at: Instant, bytes: usize) {
        let took = at.elapsed();
        if took > SLOW {
            // What was sent before it shrank says nothing about its size.
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
    /// Whether others of its partition wait for it.
    opens: bool,
    is_safe: bool,
}

/// Everything in flight of one producer.
pub(super) struct Flight {
    /// From the first that is not safe.
    sent: VecDeque<Sent>,
    /// The id of the first of `sent`: ids count from 0 on.
    first: usize,
    /// Those of `sent` that are not safe, together.
    bytes: usize,
    /// How many are not reported yet.
    missing: usize,
    /// The number behind which everything is safe.
    safe: Option<i64>,
    /// When a report came last, or a first record was sent.
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

    /// Whether one more record may be sent. One may, however large it is, if nothing else is in flight.
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

    /// Notes that everything up to a number is sent, if nothing of the last of it is published.
    pub(super) fn pass(&mut self, number: i64) {
        if self.sent.is_empty() {
            self.safe = self.safe.max(Some(number));
        } else if self.sent.back().is_some_and(|last| last.number < number) {
            self.sent.push_back(Sent { number, bytes: 0, at: Instant::now(), opens: false, is_safe: true });
        }
    }

    /// Whether a record is safe.
    pub(super) fn is_safe(&self, id: usize) -> bool {
        id.checked_sub(self.first).is_none_or(|place| self.sent.get(place).is_some_and(|sent| sent.is_safe))
    }

    /// The report of a record. Returns whether somebody may wait for it.
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

    /// A record that the client does not take.
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

    /// Whether nothing is in flight.
    pub(super) fn is_settled(&self) -> bool {
        self.missing == 0
    }

    /// The number behind which everything is safe, once.
    pub(super) fn take_safe(&mut self) -> Option<i64> {
        self.safe.take()
    }

    /// How long no report has come although one is waited for.
    pub(super) fn stalled(&self) -> Duration {
        if self.missing == 0 { Duration::ZERO } else { self.moved_at.elapsed() }
    }
}

/// How much an error tells of the cause: a refusal makes the client fail for all others, too.
fn telling(error: &KafkaError) -> u8 {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee) => 0,
        _ if !is_refusal(error) => 1,
        _ => 2,
    }
}

/// Whether the cluster refuses a record as such, however often it is sent.
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

    /// Sends records of so many bytes, numbered from 1 on.
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
