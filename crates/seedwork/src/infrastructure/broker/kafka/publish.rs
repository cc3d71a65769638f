//! Publishes records to Kafka: many in flight, in order. After a failure none of them stays in flight.

use super::{
    client::{self, Connection},
    flight::{Failure, Flight, Window, is_refusal},
    topics::Topics,
};
use crate::{
    domain::{Clock as _, SystemClock},
    infrastructure::{
        broker::{PublishError, Publisher, Record, murmur2},
        relay::Lease,
    },
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

/// The longest single wait for reports or for a topic.
const MOMENT: Duration = Duration::from_secs(1);
/// The longest time without progress before everything in flight is taken back and sent again.
const STALL: Duration = Duration::from_secs(30);
/// How long records may take that nobody holds a lease for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The limits in bytes of what is sent as one: the least that a topic is expected to take, and the most, which is
/// librdkafka's own default.
const TOGETHER: (usize, usize) = (1_024, 1_000_000);
/// The time for which a broker is expected to remember the sequence of a silent producer: an hour. Kafka's default is a
/// day.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// The producer: idempotent, in order, without a gap. Nothing times out by itself: what does not arrive is purged here.
const SETTINGS: [(&str, &str); 8] = [
    ("enable.idempotence", "true"),
    ("enable.gapless.guarantee", "true"),
    ("acks", "all"),
    ("message.timeout.ms", "0"),
    ("linger.ms", "1"),
    ("compression.type", "lz4"),
    ("queue.buffering.max.messages", "100000"),
    // What a topic takes is checked before the commit; the client is never what refuses.
    ("message.max.bytes", "100000000"),
];

/// The amounts that a cluster takes at once, learned while publishing. They outlive a publisher.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    window: Window,
    /// The most bytes that are sent as one.
    together: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { window: Window::default(), together: TOGETHER.1 }
    }
}

/// Publishes for one relay.
pub struct KafkaPublisher {
    producer: ThreadedProducer<Reports>,
    topics: Topics,
    /// The partitions of the topics that it has sent to. The next publisher looks them up anew.
    partitions: HashMap<String, Vec<Sequence>>,
    /// The look-up of a topic that is under way. It returns the number of partitions.
    provided: Option<BoxFuture<'static, anyhow::Result<i32>>>,
    pace: Arc<Mutex<Pace>>,
    /// The most bytes that its producer sends as one.
    together: usize,
}

/// The state of this producer's sequence at a partition's leader. A leader that does not know the sequence takes any
/// number as the first (KAFKA-15591). So it could take a record after it refused the one before. Therefore one record
/// goes alone first.
#[derive(Clone, Copy)]
enum Sequence {
    Unknown,
    /// The record with this id goes alone.
    Begun(usize),
    /// The time at which a record was last sent.
    Known(Instant),
}

impl KafkaPublisher {
    pub(super) async fn open(
        connection: &Connection,
        topics: &Topics,
        pace: &Arc<Mutex<Pace>>,
    ) -> anyhow::Result<Self> {
        let Pace { window, together } = *lock(pace);
        // A topic's limit holds for what is sent as one, too: small messages are not to be refused for being many.
        let together = usize::try_from(topics.smallest_limit().await?)?.min(together);
        let batch = together.to_string();
        let settings = [&SETTINGS[..], &[("batch.size", &*batch)]].concat();
        let reports = Reports { flight: Mutex::new(Flight::new(window)), news: Notify::new() };
        let producer = connection.client(&settings, reports)?;
        Ok(Self {
            producer,
            topics: topics.clone(),
            partitions: HashMap::new(),
            provided: None,
            pace: Arc::clone(pace),
            together,
        })
    }

    /// Publishes without a lease. On return all records are safe, or none is in flight.
    pub(super) async fn send(&mut self, records: &[Record]) -> Result<(), PublishError> {
        let all = async {
            let mut rest = records;
            while !rest.is_empty() {
                let taken = self.take(rest.iter().map(|record| (0, record))).await?;
                rest = &rest[taken..];
            }
            while !self.wait().await? {}
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(sent) => sent,
            Err(_) => {
                self.take_back().await;
                Err(PublishError::Failed("Kafka did not take the records in time".into()))
            }
        }
    }

    /// Sends as many records as there is room for, and returns their number. If there is room for none, it waits for
    /// reports and returns 0.
    async fn take<'a>(&mut self, records: impl Iterator<Item = (i64, &'a Record)>) -> Result<usize, PublishError> {
        let (mut taken, mut is_full) = (0, false);
        for (number, record) in records {
            if !self.partitions.contains_key(&record.topic) && !self.provide(&record.topic).await? {
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

    /// Looks up a topic. Returns false if the cluster has not answered yet; the next call goes on waiting.
    async fn provide(&mut self, topic: &str) -> Result<bool, PublishError> {
        let provided = self.provided.get_or_insert_with(|| {
            let (topics, name) = (self.topics.clone(), topic.to_owned());
            Box::pin(async move { topics.provide(&name).await })
        });
        let Ok(provided) = tokio::time::timeout(MOMENT, provided).await else { return Ok(false) };
        self.provided = None;
        let count = provided.map_err(|error| PublishError::Failed(format!("{error:#}")))?;
        let partitions = vec![Sequence::Unknown; usize::try_from(count).unwrap_or_default()];
        self.partitions.insert(topic.to_owned(), partitions);
        Ok(true)
    }

    /// Hands a record to the client. Returns false if no record of its partition may be sent now. A record that the
    /// client does not take is a failure like all others.
    fn send_one(&mut self, number: i64, record: &Record) -> bool {
        let Some(partitions) = self.partitions.get_mut(&record.topic) else { return false };
        // The partition that every other Kafka client would choose. It is chosen here, so that partitions that are
        // added meanwhile move no key.
        let partition = murmur2::partition(record.key.as_bytes(), i32::try_from(partitions.len()).unwrap_or(i32::MAX));
        let Some(sequence) = usize::try_from(partition).ok().and_then(|n| partitions.get_mut(n)) else { return false };
        let bytes = size(record);
        let id = {
            let mut flight = self.producer.context().flight();
            let is_known = match *sequence {
                Sequence::Unknown => false,
                Sequence::Begun(id) if flight.is_safe(id) => true,
                Sequence::Begun(_) => return false,
                Sequence::Known(at) => at.elapsed() < REMEMBERED,
            };
            if !flight.has_room() || flight.has_failed() {
                return false;
            }
            let id = flight.send(number, bytes, !is_known);
            *sequence = if is_known { Sequence::Known(Instant::now()) } else { Sequence::Begun(id) };
            id
        };
        if let Err((error, _)) = self.producer.send(message(id, record, partition)) {
            self.producer.context().report(id, Err(error));
        }
        true
    }

    /// Waits for reports, at most for [`MOMENT`]. Returns true if nothing is in flight. After a failure or a stall it
    /// takes everything back.
    async fn wait(&mut self) -> Result<bool, PublishError> {
        let reports = self.producer.context();
        let is_over = {
            let flight = reports.flight();
            flight.is_settled() || flight.has_failed()
        };
        if !is_over {
            let _ = tokio::time::timeout(MOMENT, reports.news.notified()).await;
        }
        let (has_failed, is_settled, stalled) = {
            let flight = reports.flight();
            (flight.has_failed(), flight.is_settled(), flight.stalled())
        };
        if has_failed || stalled > STALL {
            self.take_back().await;
            return Err(self.outcome());
        }
        Ok(is_settled)
    }

    /// Takes back what is not safe, and waits until everything is reported.
    async fn take_back(&mut self) {
        let reports = self.producer.context();
        let is_settled = {
            let mut flight = reports.flight();
            if flight.stalled() > STALL {
                flight.window.shrink();
            }
            flight.is_settled()
        };
        if !is_settled {
            self.producer.purge(PurgeConfig::default().queue().inflight());
        }
        while !reports.flight().is_settled() {
            let _ = tokio::time::timeout(MOMENT, reports.news.notified()).await;
        }
        lock(&self.pace).window = reports.flight().window;
    }

    /// The reason of a failure.
    fn outcome(&self) -> PublishError {
        let failure = { self.producer.context().flight().failure().cloned() };
        let Some(Failure { bytes, error, .. }) = failure else {
            return PublishError::Failed(format!("Kafka has acknowledged nothing for {STALL:?}"));
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageBatchTooLarge) if bytes < self.together && self.together > TOGETHER.0 => {
                let mut pace = lock(&self.pace);
                pace.together = pace.together.min(self.together / 2);
                PublishError::TooMany(format!("{error}; from now on {} bytes are sent as one", pace.together))
            }
            Some(RDKafkaErrorCode::InvalidTimestamp) => PublishError::Failed(format!(
                "Kafka refuses the time of sending, {}: the clock of this machine or of the broker is wrong ({error})",
                SystemClock.now().to_rfc3339()
            )),
            _ if is_refusal(&error) => PublishError::Refused(error.to_string()),
            _ => PublishError::Failed(error.to_string()),
        }
    }
}

impl Publisher for KafkaPublisher {
    async fn publish(&mut self, records: &[(i64, Record)], to: i64, lease: &mut Lease) -> Result<usize, PublishError> {
        let taken = self.take(records.iter().map(|(number, record)| (*number, record))).await;
        if taken.as_ref().is_ok_and(|taken| *taken == records.len()) {
            self.producer.context().flight().pass(to);
        }
        self.moves(lease);
        taken
    }

    async fn settle(&mut self, lease: &mut Lease) -> Result<bool, PublishError> {
        let settled = self.wait().await;
        self.moves(lease);
        settled
    }

    async fn withdraw(&mut self, lease: &mut Lease) {
        self.take_back().await;
        self.moves(lease);
    }
}

impl KafkaPublisher {
    /// Moves the cursor to the number up to which everything is safe.
    fn moves(&self, lease: &mut Lease) {
        if let Some(number) = self.producer.context().flight().take_safe() {
            lease.moved(number);
        }
    }
}

impl Drop for KafkaPublisher {
    fn drop(&mut self) {
        lock(&self.pace).window = self.producer.context().flight().window;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of a record's key, value and headers, without the rest of its framing.
fn size(record: &Record) -> usize {
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    record.key.len() + record.value.len() + headers
}

/// Builds the message for a partition. Its timestamp is the time of sending: Kafka refuses one that is far ahead, and
/// retention goes by it. The time of the event is a header.
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

/// Collects the reports of a producer.
struct Reports {
    flight: Mutex<Flight>,
    /// Wakes the task that waits for reports.
    news: Notify,
}

impl Reports {
    fn flight(&self) -> MutexGuard<'_, Flight> {
        lock(&self.flight)
    }

    fn report(&self, id: usize, outcome: Result<(), KafkaError>) {
        if self.flight().report(id, outcome) {
            self.news.notify_one();
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        client::measure(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::tell(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivered: &DeliveryResult<'_>, id: usize) {
        self.report(id, delivered.as_ref().map(|_| ()).map_err(|(error, _)| error.clone()));
    }
}
