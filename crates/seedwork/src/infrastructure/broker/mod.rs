//! The broker port: what the relay, the consumer and an operator need of whatever carries messages between contexts.

mod kafka;
mod murmur2;
mod postgres;

pub use kafka::{KafkaBroker, KafkaSettings, Password, SecurityProtocol};
pub use postgres::PgBroker;

use super::relay::Lease;
use crate::domain::Timestamp;
use futures_util::future::BoxFuture;
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic.
    pub topic: Arc<str>,
    /// Its number in the topic, from 0 on.
    pub number: i32,
}

/// What a partition holds: the offsets of its oldest message and of the one that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The offset of the oldest message that is still there.
    pub first: i64,
    /// The offset that the next message will have.
    pub next: i64,
}

/// A message on its way to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// What orders it and chooses its partition.
    pub key: String,
    /// When it was said.
    pub time: Timestamp,
    /// CloudEvents attributes in Kafka's binary mode: names and values.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The value in the wire format: magic byte, schema id, Avro.
    pub value: Vec<u8>,
}

/// A message as the broker gives it. Keys and values are bytes: foreign producers write what they like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The partition of the topic.
    pub partition: Partition,
    /// Its place in the partition.
    pub offset: i64,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The headers, in order; a name may come more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The reason why the message cannot be read, if it cannot. Its headers then hold the stored text.
    pub defect: Option<String>,
}

impl Delivery {
    /// The approximate memory that it takes, in bytes.
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
    /// Another process leads now: nothing was published, or the same again by it.
    #[error("another process relays this log")]
    Fenced,
    /// The broker refuses one of them as such, however often it is sent; of the others some may have been published.
    #[error("a message is refused: {0}")]
    Refused(String),
    /// The broker does not take so many at once. The next publisher sends fewer.
    #[error("the broker does not take so much at once: {0}")]
    TooMany(String),
    /// The broker does not take them now.
    #[error("{0}")]
    Failed(String),
}

/// What changed in a process's share of the partitions since it last asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What it reads from now on, and from which offset on.
    pub gained: Vec<(Partition, i64)>,
    /// What it does not read any more, and is to [release](Subscriber::release) when none of it is in work.
    pub lost: Vec<Partition>,
}

/// Where a group begins to read: for each partition, the offset of the next message that it has not settled. That is the
/// group's own business; what a broker remembers of it decides nothing.
pub type Positions = Arc<dyn Fn(Vec<Partition>) -> BoxFuture<'static, anyhow::Result<Vec<i64>>> + Send + Sync>;

/// Carries messages between contexts.
pub trait Broker: Clone + Send + Sync + 'static {
    /// One relay's way to publish; it is made anew after every failure.
    type Publisher: Publisher;
    /// One process's way to read as one of a group; it is made anew after every failure.
    type Subscriber: Subscriber;
    /// A way to read without being one of a group.
    type Reader: Reader;

    /// What it is called, where an operator is told of it.
    const NAME: &'static str;

    /// The extent of each partition of a topic, by number; none if the topic does not exist. Creates nothing.
    fn find(&self, topic: &str) -> impl Future<Output = anyhow::Result<Option<Vec<Extent>>>> + Send;

    /// What each partition of a topic holds, by number. A topic that is not there is made.
    fn extents(&self, topic: &str) -> impl Future<Output = anyhow::Result<Vec<Extent>>> + Send;

    /// A way to publish for the relay that holds `lease`.
    fn publisher(&self, lease: &Lease) -> impl Future<Output = anyhow::Result<Self::Publisher>> + Send;

    /// Publishes records by hand, in order.
    fn send(&self, records: &[Record]) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// A way to read topics as one of a group of processes, which share their partitions.
    fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
        positions: Positions,
    ) -> impl Future<Output = anyhow::Result<Self::Subscriber>> + Send;

    /// Reads all partitions of a topic, each from an offset on.
    fn read(&self, topic: &str, from: &[i64]) -> impl Future<Output = anyhow::Result<Self::Reader>> + Send;
}

/// Publishes for one relay, until something fails. Records come with their numbers in the log; the cursor of the lease
/// moves to a number when that record and all before it are safe.
pub trait Publisher: Send {
    /// Takes as many records as there is room for, in order, and returns their number. If there is room for none, it
    /// waits for some, for a limited time. When all are taken and safe, the cursor moves on to `to`.
    ///
    /// # Errors
    ///
    /// A record that was taken, now or earlier, is not published, nor is any later one of the same key. Nothing is in
    /// flight any more, and the cursor is at the end of what is safe. A new publisher goes on from there.
    fn publish(
        &mut self,
        records: &[(i64, Record)],
        to: i64,
        lease: &mut Lease,
    ) -> impl Future<Output = Result<usize, PublishError>> + Send;

    /// Waits, for a limited time, until more of the taken records are safe. Returns true if all are.
    ///
    /// # Errors
    ///
    /// See [`publish`](Self::publish).
    fn settle(&mut self, lease: &mut Lease) -> impl Future<Output = Result<bool, PublishError>> + Send;

    /// Takes back what is not safe, and returns when nothing is in flight. The cursor is then at the end of what is
    /// safe.
    fn withdraw(&mut self, lease: &mut Lease) -> impl Future<Output = ()> + Send;
}

/// Reads topics for one process of a group.
pub trait Subscriber: Send + 'static {
    /// Keeps this process's share of the partitions, and answers what changed in it. To be asked about once a second; a
    /// process that does not ask for a while loses its share to others.
    fn share(&mut self) -> impl Future<Output = anyhow::Result<Share>> + Send;

    /// What was lost is no longer in work here: others may have it at once.
    fn release(&mut self, lost: &[Partition]) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// The next messages of what this process reads, in the order of each partition. Waits for some, but not for ever.
    /// None comes of a partition before [`share`](Self::share) has answered that it is gained.
    fn read(&mut self) -> impl Future<Output = anyhow::Result<Vec<Delivery>>> + Send;

    /// Holds partitions: [`read`](Self::read) returns none of their messages until another set is held. The others go
    /// on.
    fn hold(&mut self, held: &BTreeSet<Partition>);

    /// Tells how far the group has come: for the broker's own tools, which show how far it lags behind.
    fn settled(&mut self, positions: &[(Partition, i64)]) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Leaves the group, and waits until that is known: the others need not find out that this process is gone.
    fn leave(self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Reads a topic without consuming anything.
pub trait Reader: Send {
    /// The next messages, in the order of each partition. Waits for some, but not for ever.
    fn next(&mut self) -> impl Future<Output = anyhow::Result<Vec<Delivery>>> + Send;
}
