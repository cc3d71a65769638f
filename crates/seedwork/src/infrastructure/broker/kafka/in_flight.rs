//! The records of a producer that are sent and not yet acknowledged: in order, limited in bytes.
//!
//! | record | event | next state | durable fact |
//! |---|---|---|---|
//! | to publish | the window has room, and no record has failed | sent | none |
//! | sent | Kafka reports success | acknowledged | the record in Kafka |
//! | acknowledged | all records before it are acknowledged | passed by the cursor | `relay.seq`, stored by the relay |
//! | sent | Kafka reports a failure, or the record is purged | failed: the next producer sends it again | none |

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::{cmp::Reverse, collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// The smallest and the largest size of the window, in bytes.
const WINDOW_RANGE: (usize, usize) = (64 * 1024, 8_000_000);

/// A record that is acknowledged within `FAST` lets the window grow. One that takes longer than `SLOW` shrinks it: a
/// failure then repeats fewer records, and the cursor moves more often.
const FAST: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(15);

/// The most bytes that may be in flight. It adapts to the cluster, and outlives a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendWindow {
    pub(super) bytes: usize,
    /// The bytes that were acknowledged fast since the window last changed.
    fast_bytes: usize,
    shrunk_at: Option<Instant>,
}

impl Default for SendWindow {
    fn default() -> Self {
        Self { bytes: WINDOW_RANGE.1, fast_bytes: 0, shrunk_at: None }
    }
}

impl SendWindow {
    /// Halves the window, down to its smallest size.
    pub(super) fn shrink(&mut self) {
        *self = Self { bytes: (self.bytes / 2).max(WINDOW_RANGE.0), fast_bytes: 0, shrunk_at: Some(Instant::now()) };
    }

    /// Adapts the window to the acknowledgement of a record of `bytes` bytes, sent at `sent_at`.
    fn adapt(&mut self, sent_at: Instant, bytes: usize) {
        let took = sent_at.elapsed();
        if took > SLOW {
            // A record sent before the window shrank does not measure its present size.
            if self.shrunk_at.is_none_or(|shrunk_at| sent_at > shrunk_at) {
                self.shrink();
            }
        } else if took < FAST {
            self.fast_bytes += bytes;
            if self.fast_bytes >= self.bytes {
                (self.bytes, self.fast_bytes) = ((self.bytes * 2).min(WINDOW_RANGE.1), 0);
            }
        }
    }
}

struct SentRecord {
    /// The number in the log.
    number: i64,
    bytes: usize,
    sent_at: Instant,
    /// True if other records of its partition wait for its acknowledgement.
    is_probe: bool,
    is_acknowledged: bool,
}

/// The records in flight of one producer.
pub(super) struct InFlight {
    /// The records in order, from the first that is not acknowledged.
    sent: VecDeque<SentRecord>,
    /// The id of the first of `sent`. Ids count from 0 on.
    first: usize,
    /// The bytes of all records in `sent` that are not acknowledged.
    bytes: usize,
    /// The number of records without a delivery report.
    unreported: usize,
    /// The number in the log up to which all is acknowledged. None after it was taken.
    acknowledged: Option<i64>,
    /// The time of the last acknowledgement, or of the first record sent since none was in flight.
    progress_at: Instant,
    pub(super) window: SendWindow,
    failure: Option<DeliveryFailure>,
    purged: bool,
}

/// The failure of a record.
#[derive(Debug, Clone)]
pub(super) struct DeliveryFailure {
    id: usize,
    pub(super) bytes: usize,
    pub(super) error: KafkaError,
}

impl InFlight {
    pub(super) fn new(window: SendWindow) -> Self {
        Self {
            sent: VecDeque::new(),
            first: 0,
            bytes: 0,
            unreported: 0,
            acknowledged: None,
            progress_at: Instant::now(),
            window,
            failure: None,
            purged: false,
        }
    }

    /// Returns true if one more record may be sent. If none is in flight, a record of any size may.
    pub(super) fn has_room(&self) -> bool {
        self.unreported == 0 || self.bytes < self.window.bytes
    }

    /// Adds a record that is sent. Returns its id.
    pub(super) fn add(&mut self, number: i64, bytes: usize, is_probe: bool) -> usize {
        let sent_at = Instant::now();
        if self.unreported == 0 {
            self.progress_at = sent_at;
        }
        self.unreported += 1;
        self.bytes += bytes;
        self.sent.push_back(SentRecord { number, bytes, sent_at, is_probe, is_acknowledged: false });
        self.first + self.sent.len() - 1
    }

    /// Records that everything up to `number` is sent. The last numbers may have no record, because their messages are
    /// withheld.
    pub(super) fn sent_up_to(&mut self, number: i64) {
        if self.sent.is_empty() {
            self.acknowledged = self.acknowledged.max(Some(number));
        } else if self.sent.back().is_some_and(|last| last.number < number) {
            let sent_at = Instant::now();
            self.sent.push_back(SentRecord { number, bytes: 0, sent_at, is_probe: false, is_acknowledged: true });
        }
    }

    pub(super) fn is_acknowledged(&self, id: usize) -> bool {
        id.checked_sub(self.first).is_none_or(|place| self.sent.get(place).is_some_and(|sent| sent.is_acknowledged))
    }

    /// Applies the delivery report of a record. Returns true if a task may wait for it.
    pub(super) fn report(&mut self, id: usize, outcome: Result<(), KafkaError>) -> bool {
        self.unreported = self.unreported.saturating_sub(1);
        let Some(sent) = id.checked_sub(self.first).and_then(|place| self.sent.get_mut(place)) else { return true };
        match outcome {
            Ok(()) => {
                sent.is_acknowledged = true;
                let (bytes, sent_at, is_probe) = (sent.bytes, sent.sent_at, sent.is_probe);
                self.bytes = self.bytes.saturating_sub(bytes);
                self.progress_at = Instant::now();
                self.window.adapt(sent_at, bytes);
                while self.sent.front().is_some_and(|sent| sent.is_acknowledged) {
                    self.acknowledged = self.sent.pop_front().map(|sent| sent.number);
                    self.first += 1;
                }
                is_probe || self.unreported == 0 || self.bytes <= self.window.bytes / 2
            }
            Err(error) => {
                let bytes = sent.bytes;
                self.fail(DeliveryFailure { id, bytes, error });
                true
            }
        }
    }

    /// Records a failure. Of several, it keeps the one that best explains the cause.
    fn fail(&mut self, new: DeliveryFailure) {
        match new.error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => self.purged = true,
            _ => {
                let rank = |failure: &DeliveryFailure| (cause_rank(&failure.error), Reverse(failure.id));
                if self.failure.as_ref().is_none_or(|known| rank(known) < rank(&new)) {
                    self.failure = Some(new);
                }
            }
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some() || self.purged
    }

    pub(super) fn failure(&self) -> Option<&DeliveryFailure> {
        self.failure.as_ref()
    }

    /// Returns true if each record has its delivery report.
    pub(super) fn is_empty(&self) -> bool {
        self.unreported == 0
    }

    /// Takes the number in the log up to which all is acknowledged. None if it has not changed since the last call.
    pub(super) fn take_acknowledged(&mut self) -> Option<i64> {
        self.acknowledged.take()
    }

    /// Returns the time without an acknowledgement while records are in flight. Zero if none is.
    pub(super) fn stalled(&self) -> Duration {
        if self.unreported == 0 { Duration::ZERO } else { self.progress_at.elapsed() }
    }
}

/// Ranks an error by how well it explains the cause, up to 2. After a rejection, the client fails all other records,
/// too.
fn cause_rank(error: &KafkaError) -> u8 {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee) => 0,
        _ if !is_rejection(error) => 1,
        _ => 2,
    }
}

/// Returns true if the cluster rejects the record itself, however often it is sent.
pub(super) fn is_rejection(error: &KafkaError) -> bool {
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
    fn sent(sizes: &[usize]) -> InFlight {
        let mut in_flight = InFlight::new(SendWindow::default());
        for (number, bytes) in (1..).zip(sizes) {
            in_flight.add(number, *bytes, false);
        }
        in_flight
    }

    #[test]
    fn the_acknowledged_prefix_ends_at_the_first_unacknowledged_record() {
        let mut in_flight = sent(&[1; 5]);
        for id in [1, 3, 4] {
            in_flight.report(id, Ok(()));
        }
        assert_eq!(in_flight.take_acknowledged(), None);
        in_flight.report(0, Ok(()));
        assert_eq!(in_flight.take_acknowledged(), Some(2));
        assert!(in_flight.is_acknowledged(0) && !in_flight.is_acknowledged(2) && in_flight.is_acknowledged(4));
        assert!(!in_flight.is_empty());
        in_flight.report(2, Ok(()));
        assert_eq!((in_flight.take_acknowledged(), in_flight.is_empty()), (Some(5), true));
        in_flight.sent_up_to(9);
        assert_eq!(in_flight.take_acknowledged(), Some(9));
    }

    #[test]
    fn numbers_of_withheld_messages_are_acknowledged_with_those_before_them() {
        let mut in_flight = sent(&[1, 1]);
        in_flight.sent_up_to(7);
        in_flight.report(1, Ok(()));
        assert_eq!(in_flight.take_acknowledged(), None);
        in_flight.report(0, Ok(()));
        assert_eq!(in_flight.take_acknowledged(), Some(7));
    }

    #[test]
    fn a_failure_ends_the_acknowledged_prefix() {
        let mut in_flight = sent(&[1; 3]);
        in_flight.report(0, Ok(()));
        in_flight.report(1, failed(RDKafkaErrorCode::PurgeQueue));
        in_flight.report(2, Ok(()));
        let seen = (in_flight.take_acknowledged(), in_flight.is_empty(), in_flight.has_failed());
        assert_eq!(seen, (Some(1), true, true));
    }

    #[test]
    fn the_failure_that_explains_the_cause_is_kept() {
        let mut in_flight = sent(&[1; 4]);
        in_flight.report(0, failed(RDKafkaErrorCode::GaplessGuarantee));
        in_flight.report(3, failed(RDKafkaErrorCode::MessageSizeTooLarge));
        in_flight.report(1, failed(RDKafkaErrorCode::InvalidTimestamp));
        in_flight.report(2, failed(RDKafkaErrorCode::PurgeQueue));
        let code = in_flight.failure().and_then(|failure| failure.error.rdkafka_error_code());
        assert_eq!(code, Some(RDKafkaErrorCode::MessageSizeTooLarge));
    }

    #[test]
    fn bytes_in_flight_are_limited_and_one_record_is_always_sent() {
        let mut in_flight = sent(&[WINDOW_RANGE.1 + 1]);
        assert!(!in_flight.has_room());
        assert!(in_flight.report(0, Ok(())), "a task that waits for room is woken");
        assert!(in_flight.has_room());
        in_flight.add(2, WINDOW_RANGE.1 - 1, false);
        assert!(in_flight.has_room());
        in_flight.add(3, 1, false);
        assert!(!in_flight.has_room());
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_shrinks_when_records_are_slow_and_grows_when_they_are_quick() {
        let mut in_flight = sent(&[100; 3]);
        tokio::time::advance(SLOW * 2).await;
        in_flight.report(0, Ok(()));
        in_flight.report(1, Ok(()));
        assert_eq!(in_flight.window.bytes, WINDOW_RANGE.1 / 2, "it shrinks once for all records sent before");
        for _ in 0..20 {
            in_flight.window.shrink();
        }
        assert_eq!(in_flight.window.bytes, WINDOW_RANGE.0, "it never shrinks below its smallest size");
        for _ in 0..10 {
            let bytes = in_flight.window.bytes;
            let id = in_flight.add(4, bytes, false);
            in_flight.report(id, Ok(()));
        }
        assert_eq!(in_flight.window.bytes, WINDOW_RANGE.1);
    }
}
