//! Publishes records to Kafka: many in flight, in order. After a failure none stays in flight.

use super::{
    client::{self, ClientFactory},
    in_flight::{DeliveryFailure, InFlight, SendWindow, is_rejection},
    topics::Topics,
};
use crate::{
    domain::{Clock as _, SystemClock},
    infrastructure::broker::{PublishError, Publisher, Record, RelayCursor, murmur2},
};
use futures_util::future::BoxFuture;
use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// The longest single wait for delivery reports or for a topic.
const WAIT: Duration = Duration::from_secs(1);
/// The longest time without an acknowledgement before all records in flight are purged and sent again.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time to publish records without a relay.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The smallest and the largest batch, in bytes: what each topic is expected to take, and librdkafka's default.
const BATCH_RANGE: (usize, usize) = (1_024, 1_000_000);
/// The time for which a broker is expected to remember the sequence of a silent producer. Kafka's default is a day.
const SEQUENCE_LIFETIME: Duration = Duration::from_secs(3_600);

/// The producer is idempotent and publishes in order, without a gap. It has no timeout of its own: records that are not
/// acknowledged in time are purged here.
const SETTINGS: [(&str, &str); 8] = [
    ("enable.idempotence", "true"),
    ("enable.gapless.guarantee", "true"),
    ("acks", "all"),
    ("message.timeout.ms", "0"),
    ("linger.ms", "1"),
    ("compression.type", "lz4"),
    ("queue.buffering.max.messages", "100000"),
    // Sizes are checked before the commit. The client must not reject what the cluster may take.
    ("message.max.bytes", "100000000"),
];

/// The amounts that a cluster takes, learned while publishing. They outlive a publisher.
#[derive(Clone, Copy)]
pub(super) struct SendLimits {
    window: SendWindow,
    /// The most bytes of a batch.
    batch: usize,
}

impl Default for SendLimits {
    fn default() -> Self {
        Self { window: SendWindow::default(), batch: BATCH_RANGE.1 }
    }
}

/// Publishes for one relay.
pub struct KafkaPublisher {
    producer: ThreadedProducer<DeliveryReports>,
    topics: Topics,
    /// The partitions of the topics that were sent to. The next publisher looks them up again.
    partitions: HashMap<String, Vec<SequenceState>>,
    /// The lookup of a topic in progress. It returns the number of partitions.
    lookup: Option<BoxFuture<'static, anyhow::Result<i32>>>,
    limits: Arc<Mutex<SendLimits>>,
    /// The most bytes of a batch of this producer.
    batch: usize,
}

/// The state of this producer's sequence at the leader of a partition. A leader that does not know the sequence accepts
/// any number as the first (KAFKA-15591), so it could accept a record after it rejected the one before. Therefore the
/// first record is sent alone.
///
/// | state | event | next state | durable fact |
/// |---|---|---|---|
/// | `Unknown` | a record is sent | `Probing` | none |
/// | `Probing` | the record is acknowledged, and another one is sent | `Established` | the leader knows the sequence |
/// | `Established` | a record is sent within an hour of the last one | `Established` | the leader knows the sequence |
/// | `Established` | a record is sent later | `Probing` | none: the leader may have forgotten the sequence |
#[derive(Clone, Copy)]
enum SequenceState {
    Unknown,
    /// The record with this id is sent alone.
    Probing(usize),
    /// The time at which a record was last sent.
    Established(Instant),
}

impl KafkaPublisher {
    pub(super) async fn open(
        clients: &ClientFactory,
        topics: &Topics,
        limits: &Arc<Mutex<SendLimits>>,
    ) -> anyhow::Result<Self> {
        let SendLimits { window, batch } = *lock(limits);
        // The size limit of a topic holds for batches, too. Small messages must not be rejected for their number.
        let batch = usize::try_from(topics.smallest_limit().await?)?.min(batch);
        let batch_size = batch.to_string();
        let settings = [&SETTINGS[..], &[("batch.size", &*batch_size)]].concat();
        let reports = DeliveryReports { in_flight: Mutex::new(InFlight::new(window)), reported: Notify::new() };
        let producer = clients.create(&settings, reports)?;
        Ok(Self {
            producer,
            topics: topics.clone(),
            partitions: HashMap::new(),
            lookup: None,
            limits: Arc::clone(limits),
            batch,
        })
    }

    /// Publishes without a relay. On success all records are acknowledged; after an error none is in flight.
    pub(super) async fn send(&mut self, records: &[Record]) -> Result<(), PublishError> {
        let all = async {
            let mut rest = records;
            while !rest.is_empty() {
                let taken = self.enqueue(rest.iter().map(|record| (0, record))).await?;
                rest = &rest[taken..];
            }
            while !self.wait().await? {}
            Ok(())
        };
        match tokio::time::timeout(SEND_TIMEOUT, all).await {
            Ok(sent) => sent,
            Err(_) => {
                self.purge_all().await;
                Err(PublishError::Failed("Kafka did not acknowledge the records in time".into()))
            }
        }
    }

    /// Sends as many records as there is room for, and returns their number. If there is room for none, it waits for
    /// delivery reports and returns 0.
    async fn enqueue<'a>(&mut self, records: impl Iterator<Item = (i64, &'a Record)>) -> Result<usize, PublishError> {
        let (mut taken, mut is_full) = (0, false);
        for (number, record) in records {
            if !self.partitions.contains_key(&record.topic) && !self.look_up(&record.topic).await? {
                break;
            }
            if !self.send_one(number, record) {
                is_full = true;
                break;
            }
            taken += 1;
        }
        if is_full && taken == 0 {
            self.wait().await?;
        }
        Ok(taken)
    }

    /// Looks up a topic. Returns false if the cluster has not responded yet; the next call continues to wait.
    async fn look_up(&mut self, topic: &str) -> Result<bool, PublishError> {
        let lookup = self.lookup.get_or_insert_with(|| {
            let (topics, name) = (self.topics.clone(), topic.to_owned());
            Box::pin(async move { topics.ensure(&name).await })
        });
        let Ok(found) = tokio::time::timeout(WAIT, lookup).await else { return Ok(false) };
        self.lookup = None;
        let count = found.map_err(|error| PublishError::Failed(format!("{error:#}")))?;
        let partitions = vec![SequenceState::Unknown; usize::try_from(count).unwrap_or_default()];
        self.partitions.insert(topic.to_owned(), partitions);
        Ok(true)
    }

    /// Passes a record to the client. Returns false if no record of its partition may be sent now. A record that the
    /// client does not take is a failure like any other.
    fn send_one(&mut self, number: i64, record: &Record) -> bool {
        let Some(partitions) = self.partitions.get_mut(&record.topic) else { return false };
        // Every Kafka client chooses this partition. It is computed here from the number of partitions that was looked
        // up, so that partitions added meanwhile move no key.
        let partition = murmur2::partition(record.key.as_bytes(), i32::try_from(partitions.len()).unwrap_or(i32::MAX));
        let Some(sequence) = usize::try_from(partition).ok().and_then(|n| partitions.get_mut(n)) else { return false };
        let bytes = size(record);
        let id = {
            let mut in_flight = self.producer.context().in_flight();
            let is_established = match *sequence {
                SequenceState::Unknown => false,
                SequenceState::Probing(id) if in_flight.is_acknowledged(id) => true,
                SequenceState::Probing(_) => return false,
                SequenceState::Established(at) => at.elapsed() < SEQUENCE_LIFETIME,
            };
            if !in_flight.has_room() || in_flight.has_failed() {
                return false;
            }
            let id = in_flight.add(number, bytes, !is_established);
            *sequence =
                if is_established { SequenceState::Established(Instant::now()) } else { SequenceState::Probing(id) };
            id
        };
        if let Err((error, _)) = self.producer.send(message(id, record, partition)) {
            self.producer.context().report(id, Err(error));
        }
        true
    }

    /// Waits for delivery reports, for [`WAIT`] at most. Returns true if no record is in flight. After a failure or a
    /// stall it purges all records.
    async fn wait(&mut self) -> Result<bool, PublishError> {
        let reports = self.producer.context();
        let is_over = {
            let in_flight = reports.in_flight();
            in_flight.is_empty() || in_flight.has_failed()
        };
        if !is_over {
            let _ = tokio::time::timeout(WAIT, reports.reported.notified()).await;
        }
        let (has_failed, is_empty, stalled) = {
            let in_flight = reports.in_flight();
            (in_flight.has_failed(), in_flight.is_empty(), in_flight.stalled())
        };
        if has_failed || stalled > STALL_TIMEOUT {
            self.purge_all().await;
            return Err(self.error());
        }
        Ok(is_empty)
    }

    /// Purges all records that are not acknowledged, and waits until each is reported.
    async fn purge_all(&mut self) {
        let reports = self.producer.context();
        let is_empty = {
            let mut in_flight = reports.in_flight();
            if in_flight.stalled() > STALL_TIMEOUT {
                in_flight.window.shrink();
            }
            in_flight.is_empty()
        };
        if !is_empty {
            self.producer.purge(PurgeConfig::default().queue().inflight());
        }
        while !reports.in_flight().is_empty() {
            let _ = tokio::time::timeout(WAIT, reports.reported.notified()).await;
        }
        lock(&self.limits).window = reports.in_flight().window;
    }

    /// Returns the error for the failure that best explains the cause.
    fn error(&self) -> PublishError {
        let failure = { self.producer.context().in_flight().failure().cloned() };
        let Some(DeliveryFailure { bytes, error, .. }) = failure else {
            return PublishError::Failed(format!("Kafka has acknowledged nothing for {STALL_TIMEOUT:?}"));
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageBatchTooLarge) if bytes < self.batch && self.batch > BATCH_RANGE.0 => {
                let mut limits = lock(&self.limits);
                limits.batch = limits.batch.min(self.batch / 2);
                PublishError::BatchTooLarge(format!("{error}; the limit is {} bytes from now on", limits.batch))
            }
            Some(RDKafkaErrorCode::InvalidTimestamp) => PublishError::Failed(format!(
                "Kafka refuses the time of sending, {}: the clock of this machine or of the broker is wrong ({error})",
                SystemClock.now().to_rfc3339()
            )),
            _ if is_rejection(&error) => PublishError::Rejected(error.to_string()),
            _ => PublishError::Failed(error.to_string()),
        }
    }
}

impl Publisher for KafkaPublisher {
    async fn publish(
        &mut self,
        records: &[(i64, Record)],
        to: i64,
        cursor: &mut impl RelayCursor,
    ) -> Result<usize, PublishError> {
        let taken = self.enqueue(records.iter().map(|(number, record)| (*number, record))).await;
        if taken.as_ref().is_ok_and(|taken| *taken == records.len()) {
            self.producer.context().in_flight().sent_up_to(to);
        }
        self.advance(cursor);
        taken
    }

    async fn flush(&mut self, cursor: &mut impl RelayCursor) -> Result<bool, PublishError> {
        let flushed = self.wait().await;
        self.advance(cursor);
        flushed
    }

    async fn purge(&mut self, cursor: &mut impl RelayCursor) {
        self.purge_all().await;
        self.advance(cursor);
    }
}

impl KafkaPublisher {
    /// Advances the cursor to the number up to which all records are acknowledged.
    fn advance(&self, cursor: &mut impl RelayCursor) {
        if let Some(number) = self.producer.context().in_flight().take_acknowledged() {
            cursor.advance(number);
        }
    }
}

impl Drop for KafkaPublisher {
    fn drop(&mut self) {
        lock(&self.limits).window = self.producer.context().in_flight().window;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the bytes of a record's key, value and headers, without its framing.
fn size(record: &Record) -> usize {
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    record.key.len() + record.value.len() + headers
}

/// Builds the message for a partition. Its timestamp is the time of sending: Kafka rejects a timestamp far in the
/// future, and retention goes by it. The time of the event is a header.
fn message(id: usize, record: &Record, partition: i32) -> BaseRecord<'_, str, [u8], usize> {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    let headers =
        record.headers.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
    BaseRecord::with_opaque_to(&record.topic, id)
        .partition(partition)
        .key(record.key.as_str())
        .payload(record.value.as_slice())
        .headers(headers)
}

/// Collects the delivery reports of a producer.
struct DeliveryReports {
    in_flight: Mutex<InFlight>,
    /// Wakes the task that waits for reports.
    reported: Notify,
}

impl DeliveryReports {
    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        lock(&self.in_flight)
    }

    fn report(&self, id: usize, outcome: Result<(), KafkaError>) {
        if self.in_flight().report(id, outcome) {
            self.reported.notify_one();
        }
    }
}

impl ClientContext for DeliveryReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        client::record_statistics(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }
}

impl ProducerContext for DeliveryReports {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivered: &DeliveryResult<'_>, id: usize) {
        self.report(id, delivered.as_ref().map(|_| ()).map_err(|(error, _)| error.clone()));
    }
}
