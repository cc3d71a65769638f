//! Publishes batches: all of one are fired, then all are awaited; after any failure nothing of it is left behind.

use super::{
    client::{self, Connection},
    topics::Topics,
};
use crate::infrastructure::{
    broker::{PublishError, Publisher, Record, murmur2},
    relay::Lease,
};
use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer},
};
use std::{cmp::Reverse, collections::HashMap, time::Duration};
use tokio::sync::watch;

/// How long records may take that nobody holds a lease for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most bytes that are sent as one: librdkafka's own default.
const TOGETHER: i64 = 1_000_000;

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

/// Publishes for one relay.
pub struct KafkaPublisher {
    producer: ThreadedProducer<Reports>,
    topics: Topics,
    /// How many partitions the topics have that it has sent to. They are looked at anew by the next publisher.
    partitions: HashMap<String, i32>,
}

impl KafkaPublisher {
    pub(super) async fn open(connection: &Connection, topics: &Topics) -> anyhow::Result<Self> {
        // A topic's limit holds for what is sent as one, too: small messages are not to be refused for being many.
        let together = topics.smallest_limit().await?.min(TOGETHER).to_string();
        let settings = [&SETTINGS[..], &[("batch.size", &*together)]].concat();
        let producer = connection.client(&settings, Reports(watch::Sender::new(Batch::default())))?;
        Ok(Self { producer, topics: topics.clone(), partitions: HashMap::new() })
    }

    /// Publishes without a lease.
    pub(super) async fn send(&mut self, records: &[Record]) -> Result<(), PublishError> {
        self.deliver(records, PATIENCE).await
    }

    /// Returns when all are safe, or none is on its way any more.
    async fn deliver(&mut self, records: &[Record], patience: Duration) -> Result<(), PublishError> {
        for record in records {
            if !self.partitions.contains_key(&record.topic) {
                let provided = self.topics.provide(&record.topic).await;
                let partitions = provided.map_err(|error| PublishError::Failed(format!("{error:#}")))?;
                self.partitions.insert(record.topic.clone(), partitions);
            }
        }
        let reports = &self.producer.context().0;
        reports.send_replace(Batch { missing: records.len(), ..Batch::default() });
        let mut seen = reports.subscribe();
        for (n, record) in records.iter().enumerate() {
            let partitions = self.partitions.get(&record.topic).copied().unwrap_or_default();
            if let Err((error, _)) = self.producer.send(message(n, record, partitions)) {
                // It and all that follow are not even sent.
                reports.send_modify(|batch| batch.fail(n, error, records.len() - n));
                break;
            }
        }
        // After a failure, what follows is not waited for but taken back, until everything is reported.
        let first =
            tokio::time::timeout(patience, seen.wait_for(|batch| batch.missing == 0 || batch.failure.is_some()));
        if first.await.is_err() || reports.borrow().missing > 0 {
            self.producer.purge(PurgeConfig::default().queue().inflight());
            let _ = seen.wait_for(|batch| batch.missing == 0).await;
        }
        reports.borrow().outcome()
    }
}

/// The record, for the partition that every other client of Kafka would choose. It is chosen here, so that partitions that
/// somebody adds meanwhile move no key.
fn message(n: usize, record: &Record, partitions: i32) -> BaseRecord<'_, str, [u8], usize> {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    let headers =
        record.headers.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
    BaseRecord::with_opaque_to(&record.topic, n)
        .partition(murmur2::partition(record.key.as_bytes(), partitions))
        .key(record.key.as_str())
        .payload(record.value.as_slice())
        .timestamp(record.time.timestamp_millis())
        .headers(headers)
}

impl Publisher for KafkaPublisher {
    async fn publish(&mut self, records: &[Record], lease: &mut Lease, to: i64) -> Result<(), PublishError> {
        self.deliver(records, lease.remaining()).await?;
        lease.advance(to).await
    }
}

/// Collects the reports of one batch at a time.
struct Reports(watch::Sender<Batch>);

#[derive(Default)]
struct Batch {
    /// How many are not reported yet.
    missing: usize,
    /// The first record that was refused, else the first that failed, and why: a refusal makes the client fail for all
    /// others, too. What was taken back tells nothing of itself.
    failure: Option<(usize, KafkaError)>,
    taken_back: bool,
}

impl Batch {
    fn fail(&mut self, n: usize, error: KafkaError, count: usize) {
        self.missing = self.missing.saturating_sub(count);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => self.taken_back = true,
            _ => {
                let weight = |(n, error): &(usize, KafkaError)| (is_refusal(error), Reverse(*n));
                let new = (n, error);
                if self.failure.as_ref().is_none_or(|known| weight(known) < weight(&new)) {
                    self.failure = Some(new);
                }
            }
        }
    }

    fn outcome(&self) -> Result<(), PublishError> {
        match &self.failure {
            None if self.taken_back => Err(PublishError::Failed("Kafka did not take the records in time".into())),
            None => Ok(()),
            Some((n, error)) if is_refusal(error) => Err(PublishError::Refused { n: *n, reason: error.to_string() }),
            Some((_, error)) => Err(PublishError::Failed(error.to_string())),
        }
    }
}

/// Whether the cluster refuses a record as such, however often it is sent.
fn is_refusal(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::PolicyViolation
        )
    )
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

    fn delivery(&self, delivered: &DeliveryResult<'_>, n: usize) {
        self.0.send_if_modified(|batch| {
            match delivered {
                Ok(_) => batch.missing = batch.missing.saturating_sub(1),
                Err((error, _)) => batch.fail(n, error.clone(), 1),
            }
            batch.missing == 0 || batch.failure.is_some()
        });
    }
}
