//! The broker port: the operations that the relay, the consumer and an operator need of a message broker.

mod kafka;
mod murmur2;
mod postgres;

pub use kafka::{KafkaBroker, KafkaSettings, Password, SecurityProtocol};
pub use postgres::PgBroker;

use crate::domain::Timestamp;
use futures_util::future::BoxFuture;
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};
use tokio_postgres::Client;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The name of the topic.
    pub topic: Arc<str>,
    /// The number in the topic, from 0 on.
    pub number: i32,
}

/// The range of offsets that a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The offset of the oldest message that the partition still holds.
    pub low: i64,
    /// The offset that the next message will have.
    pub high: i64,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic to publish it on.
    pub topic: String,
    /// Chooses the partition. Records of one key keep their order.
    pub key: String,
    /// The time of the event.
    pub time: Timestamp,
    /// CloudEvents attributes in Kafka's binary mode: names and values.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The value in the wire format: magic byte, schema id, Avro.
    pub value: Vec<u8>,
}

/// A message as the broker delivers it. Keys and values are bytes, because foreign producers may write anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The partition that it was read from.
    pub partition: Partition,
    /// The offset in the partition.
    pub offset: i64,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The headers, in order. A name may come more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The value. None for a tombstone.
    pub value: Option<Vec<u8>>,
    /// The reason why the message cannot be read, if it cannot. Its headers then hold the stored text.
    pub defect: Option<String>,
}

impl Delivery {
    /// Returns the approximate memory that the message takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER);
        let [key, value] = [&self.key, &self.value].map(|bytes| bytes.as_ref().map_or(0, Vec::len));
        size_of::<Self>() + key + value + headers.sum::<usize>()
    }
}

/// The memory of a header beside its name and its value, in bytes.
const HEADER: usize = size_of::<(String, Vec<u8>)>();

/// The reason why records were not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Another process holds the relay's lease. It publishes the same records again.
    #[error("another process relays this log")]
    Fenced,
    /// The broker rejects a record, however often it is sent. Other records may have been published.
    #[error("a message is rejected: {0}")]
    Rejected(String),
    /// The broker does not take so many bytes in one batch. The next publisher sends smaller batches.
    #[error("a batch is too large: {0}")]
    BatchTooLarge(String),
    /// The broker does not take the records now.
    #[error("{0}")]
    Failed(String),
}

/// The change in a member's partitions since it last polled its assignment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AssignmentDelta {
    /// The partitions that the member reads from now on, each with the offset of its first message.
    pub assigned: Vec<(Partition, i64)>,
    /// The partitions that the member reads no more. It [releases](Subscriber::release) them when none of their
    /// messages is in flight.
    pub revoked: Vec<Partition>,
}

/// Looks up the positions of partitions: the offset of the first message that the group has not settled. The group
/// keeps them itself; offsets that a broker stores are not used.
pub type PositionLookup = Arc<dyn Fn(Vec<Partition>) -> BoxFuture<'static, anyhow::Result<Vec<i64>>> + Send + Sync>;

/// Publishes and delivers messages.
pub trait Broker: Clone + Send + Sync + 'static {
    /// Publishes for one relay, until its first failure.
    type Publisher: Publisher;
    /// Reads as one member of a group, until its first failure.
    type Subscriber: Subscriber;
    /// Reads a topic without being a member of a group.
    type Reader: TopicReader;

    /// The name that operators see.
    const NAME: &'static str;

    /// Returns the watermarks of each partition of a topic, by number. None if the topic does not exist; it is not
    /// created.
    fn watermarks(&self, topic: &str) -> impl Future<Output = anyhow::Result<Option<Vec<Watermarks>>>> + Send;

    /// Creates a topic unless it exists. Returns the watermarks of its partitions, by number.
    fn ensure_topic(&self, topic: &str) -> impl Future<Output = anyhow::Result<Vec<Watermarks>>> + Send;

    /// Creates a publisher for the relay whose cursor is `cursor`.
    fn publisher(&self, cursor: &impl RelayCursor) -> impl Future<Output = anyhow::Result<Self::Publisher>> + Send;

    /// Publishes records without a relay, in order.
    fn send(&self, records: &[Record]) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Joins a group, whose members share the partitions of the topics.
    fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
        positions: PositionLookup,
    ) -> impl Future<Output = anyhow::Result<Self::Subscriber>> + Send;

    /// Reads all partitions of a topic, each from an offset on.
    fn read(&self, topic: &str, from: &[i64]) -> impl Future<Output = anyhow::Result<Self::Reader>> + Send;
}

/// The cursor of a relay, as a publisher moves it: the number in the log below or at which every record is
/// acknowledged. A relay that has lost its lease cannot store it.
pub trait RelayCursor: Send + Sync {
    /// Returns the connection on which the cursor is stored. A broker in the same database publishes on it, too.
    fn client(&self) -> &Client;

    /// Moves the cursor to `to`, in memory: all records up to there are acknowledged. The relay stores it.
    fn advance(&mut self, to: i64);

    /// Stores `to` as the cursor, also inside a transaction of [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// [`PublishError::Fenced`] if another process has taken the lease.
    fn store(&mut self, to: i64) -> impl Future<Output = Result<(), PublishError>> + Send;
}

/// Publishes for one relay, until its first failure. Records come with their numbers in the log.
pub trait Publisher: Send {
    /// Takes as many records as there is room for, in order, and returns their number. If there is room for none, it
    /// waits for a limited time. When all are taken and acknowledged, the cursor advances to `to`.
    ///
    /// # Errors
    ///
    /// A record that was taken, now or earlier, is not published, nor is any later one of the same key. No record is in
    /// flight any more, and the cursor is at the end of the acknowledged ones. A new publisher continues from there.
    fn publish(
        &mut self,
        records: &[(i64, Record)],
        to: i64,
        cursor: &mut impl RelayCursor,
    ) -> impl Future<Output = Result<usize, PublishError>> + Send;

    /// Waits, for a limited time, until more of the taken records are acknowledged. Returns true if all are.
    ///
    /// # Errors
    ///
    /// As of [`publish`](Self::publish).
    fn flush(&mut self, cursor: &mut impl RelayCursor) -> impl Future<Output = Result<bool, PublishError>> + Send;

    /// Purges the records that are not acknowledged. On return none is in flight, and the cursor is at the end of the
    /// acknowledged ones.
    fn purge(&mut self, cursor: &mut impl RelayCursor) -> impl Future<Output = ()> + Send;
}

/// Reads topics as one member of a group.
pub trait Subscriber: Send + 'static {
    /// Keeps this member's assignment alive, and returns the change in it. It must be called about once a second: a
    /// member that does not poll loses its partitions to others.
    fn poll_assignment(&mut self) -> impl Future<Output = anyhow::Result<AssignmentDelta>> + Send;

    /// Releases revoked partitions of which no message is in flight. Other members may read them at once.
    fn release(&mut self, revoked: &[Partition]) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Returns the next messages of the assigned partitions, in the order of each partition. Waits for some, for a
    /// limited time. Messages of a partition come only after [`poll_assignment`](Self::poll_assignment) has returned it
    /// as assigned.
    fn read(&mut self) -> impl Future<Output = anyhow::Result<Vec<Delivery>>> + Send;

    /// Sets the paused partitions: [`read`](Self::read) returns none of their messages. It replaces the previous set.
    fn set_paused(&mut self, paused: &BTreeSet<Partition>);

    /// Reports the group's positions to the broker, whose tools compute its lag from them. They decide nothing.
    fn report_positions(&mut self, positions: &[(Partition, i64)]) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Leaves the group, and waits until the broker knows. Other members need not wait for a timeout then.
    fn leave(self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Reads a topic without being a member of a group.
pub trait TopicReader: Send {
    /// Returns the next messages, in the order of each partition. Waits for some, for a limited time.
    fn next(&mut self) -> impl Future<Output = anyhow::Result<Vec<Delivery>>> + Send;
}
