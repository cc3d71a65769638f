//! The broker port: what the relay needs of whatever carries messages between contexts.

mod murmur2;
mod postgres;

pub use postgres::{PgBroker, Position, Topic};

use super::relay::Lease;
use crate::domain::Instante;

/// A message on its way to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// What orders it and chooses its partition.
    pub key: String,
    /// When it was said.
    pub time: Instante,
    /// CloudEvents attributes in Kafka's binary mode: names and values.
    pub headers: Vec<(String, String)>,
    /// The value in the wire format: magic byte, schema id, Avro.
    pub value: Vec<u8>,
}

/// A message as the broker gives it. Keys and values are bytes: foreign producers write what they like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The topic.
    pub topic: String,
    /// The partition of the topic.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Why records were not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Another process leads now: nothing was published, or the same again by it.
    #[error("another process relays this log")]
    Fenced,
    /// The broker does not take them now.
    #[error("{0}")]
    Failed(String),
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic.
    pub topic: String,
    /// Its number in the topic.
    pub number: i32,
}

/// Carries messages between contexts.
pub trait Broker: Clone + Send + Sync + 'static {
    /// One relay's way to publish; it is made anew after every failure.
    type Publisher: Publisher;
    /// One process's way to read; it is made anew after every failure.
    type Subscriber: Subscriber;

    /// A way to read topics as one of a group of processes, which share their partitions.
    fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
    ) -> impl Future<Output = anyhow::Result<Self::Subscriber>> + Send;

    /// A way to publish for the relay that holds `lease`.
    fn publisher(&self, lease: &Lease) -> impl Future<Output = anyhow::Result<Self::Publisher>> + Send;
}

/// Publishes for one relay, as long as nothing fails.
pub trait Publisher: Send {
    /// Publishes the records in order and, when all are safe, moves the cursor of the lease to `to`.
    ///
    /// # Errors
    ///
    /// Some of the records may have been published; the cursor has not moved. They are published again.
    fn publish(
        &mut self,
        records: &[Record],
        lease: &mut Lease,
        to: i64,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;
}

/// Reads topics for one process of a group. Where it stands in them is the reader's own business.
pub trait Subscriber: Send + 'static {
    /// Keeps this process's share of the partitions, and answers which these are now. To be called about once a second;
    /// a process that does not call it for some seconds loses its share to others.
    fn share(&mut self) -> impl Future<Output = anyhow::Result<Vec<Partition>>> + Send;

    /// Up to `limit` messages of a partition, from an offset on.
    fn read(
        &mut self,
        partition: &Partition,
        from: i64,
        limit: i64,
    ) -> impl Future<Output = anyhow::Result<Vec<Delivery>>> + Send;

    /// Waits until there may be new messages, not for ever.
    fn news(&mut self) -> impl Future<Output = ()> + Send;
}
