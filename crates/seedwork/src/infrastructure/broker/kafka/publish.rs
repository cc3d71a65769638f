//! Publishes batches: all of one are fired, then all are awaited; after any failure nothing of it is left behind.

use super::{
    client::{self, Connection},
    topics::Topics,
};
use crate::infrastructure::{
    broker::{PublishError, Publisher, Record},
    relay::Lease,
};
use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer},
};
use std::time::Duration;
use tokio::sync::watch;

/// How long records may take that nobody holds a lease for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The producer: idempotent, in order, without a gap. Nothing times out by itself: what does not arrive is purged here.
const SETTINGS: [(&str, &str); 9] = [
    ("enable.idempotence", "true"),
    ("enable.gapless.guarantee", "true"),
    ("acks", "all"),
    ("message.timeout.ms", "0"),
    // A key has the partition that Kafka's own clients would choose.
    ("partitioner", "murmur2_random"),
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
}

impl KafkaPublisher {
    pub(super) fn open(connection: &Connection, topics: &Topics) -> anyhow::Result<Self> {
        Ok(Self {
            producer: connection.client(&SETTINGS, Reports(watch::Sender::new(Batch::default())))?,
            topics: topics.clone(),
        })
    }

    /// Publishes without a lease.
    pub(super) async fn send(&self, records: &[Record]) -> Result<(), PublishError> {
        self.deliver(records, PATIENCE).await
    }

    /// Returns when all are safe, or none is on its way any more.
    async fn deliver(&self, records: &[Record], patience: Duration) -> Result<(), PublishError> {
        let mut last = "";
        for record in records.iter().filter(|record| std::mem::replace(&mut last, &record.topic) != record.topic) {
            let provided = self.topics.provide(&record.topic).await;
            provided.map_err(|error| PublishError::Failed(format!("{error:#}")))?;
        }
        let reports = &self.producer.context().0;
        reports.send_replace(Batch { missing: records.len(), ..Batch::default() });
        let mut seen = reports.subscribe();
        for (n, record) in records.iter().enumerate() {
            if let Err((error, _)) = self.producer.send(message(n, record)) {
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

fn message(n: usize, record: &Record) -> BaseRecord<'_, str, [u8], usize> {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    let headers =
        record.headers.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
    BaseRecord::with_opaque_to(&record.topic, n)
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
    /// The first record that failed, and why. What was taken back tells nothing of itself.
    failure: Option<(usize, KafkaError)>,
    taken_back: bool,
}

impl Batch {
    fn fail(&mut self, n: usize, error: KafkaError, count: usize) {
        self.missing = self.missing.saturating_sub(count);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => self.taken_back = true,
            _ if self.failure.as_ref().is_none_or(|(first, _)| n < *first) => self.failure = Some((n, error)),
            _ => {}
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
