//! A consumer of the [fixture](crate::fixture::Fixture), and the messages that it reads.

use crate::{
    fixture::{END, Fixture, HASTY},
    model::{Changed, Faults, Handlers},
};
use seedwork::{
    application::{CommandBus, IntegrationEvent},
    infrastructure::{
        avro,
        broker::{
            AssignmentDelta, Broker, Delivery, Partition, PgBroker, PositionLookup, Record, RelayCursor, Subscriber,
            Watermarks,
        },
        consumer::{Consumer, ConsumerState, Subscriptions},
        postgres::{CommitterSettings, PgUnitOfWorkFactory},
        supervise::Supervisor,
    },
    testing::eventually,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::watch;
use uuid::Uuid;

/// The topic of [`Changed`].
pub(crate) const TOPIC: &str = Changed::TOPIC;

/// A process that consumes.
pub(crate) struct TestConsumer {
    supervisor: Supervisor,
    pub(crate) faults: Arc<Faults>,
    pub(crate) state: watch::Receiver<ConsumerState>,
}

impl TestConsumer {
    pub(crate) async fn start(fixture: &Fixture) -> Self {
        Self::reading(fixture, fixture.broker()).await
    }

    pub(crate) async fn reading(fixture: &Fixture, broker: impl Broker) -> Self {
        Self::with(fixture, broker, HASTY).await
    }

    pub(crate) async fn with(fixture: &Fixture, broker: impl Broker, settings: CommitterSettings) -> Self {
        let (supervisor, handlers) = (Supervisor::new(), Handlers::default());
        let (faults, own) = (Arc::clone(&handlers.0), fixture.own());
        let bus = Arc::new(CommandBus::new(handlers, PgUnitOfWorkFactory::start(&own, settings, &supervisor)));
        let subscriptions = Subscriptions::builder(bus).on_event::<Changed>().build().unwrap();
        let state = Consumer::start(own, broker, fixture.registry().await, subscriptions, &supervisor);
        Self { supervisor, faults, state }
    }

    pub(crate) async fn stop(self) {
        assert!(self.supervisor.stop(END).await, "the consumer does not end in time");
    }
}

/// The n-th message about an account.
pub(crate) async fn message(fixture: &Fixture, id: Uuid, n: u32, message_id: &str) -> Record {
    let (record, body) = avro::encode(&Changed::new(id, n)).unwrap();
    let value = avro::to_wire_format(fixture.registry().await.id(TOPIC, record.fingerprint).await.unwrap(), &body);
    let header = |name: &'static str, value: &str| (name.into(), value.to_owned());
    let headers = vec![header("ce_id", message_id), header("ce_source", "/test"), header("ce_type", Changed::TYPE)];
    Record { topic: TOPIC.into(), key: id.to_string(), time: chrono::DateTime::UNIX_EPOCH, headers, value }
}

/// Copies of a message, each with an id of its own.
pub(crate) fn copies(message: &Record, count: usize) -> Vec<Record> {
    let copy = |n| {
        let mut copy = message.clone();
        copy.headers[0].1 = format!("copy-{n}");
        copy
    };
    (0..count).map(copy).collect()
}

/// The same messages, each with a key of its own.
pub(crate) fn with_own_keys(mut messages: Vec<Record>) -> Vec<Record> {
    messages.iter_mut().enumerate().for_each(|(n, message)| message.key = format!("key-{n}"));
    messages
}

/// Sends the messages from..=to about each account.
pub(crate) async fn send(fixture: &Fixture, ids: &[Uuid], from: u32, to: u32) {
    let mut all = Vec::new();
    for n in from..=to {
        for id in ids {
            all.push(message(fixture, *id, n, &format!("{id}-{n}")).await);
        }
    }
    fixture.broker().send(&all).await.unwrap();
}

/// Sends messages in batches.
pub(crate) async fn send_all(fixture: &Fixture, messages: &[Record], batch: usize) {
    for batch in messages.chunks(batch) {
        fixture.broker().send(batch).await.unwrap();
    }
}

/// Inserts a message into partition 0 as no well-behaved producer would.
pub(crate) async fn insert_raw(fixture: &Fixture, key: Option<&[u8]>, headers: &str, value: Option<&[u8]>) {
    let db = fixture.look().await;
    let next = "UPDATE broker.partitions SET next = next + 1 WHERE topic = $1 AND partition = 0 RETURNING next - 1";
    let offset: i64 = db.query_one(next, &[&TOPIC]).await.unwrap().get(0);
    let insert = "INSERT INTO broker.messages VALUES ($1, 0, $2, now(), $3, $4, $5)";
    db.execute(insert, &[&TOPIC, &offset, &key, &headers, &value]).await.unwrap();
}

/// Waits until the effects of so many messages about an account are there.
pub(crate) async fn reaches(fixture: &Fixture, id: Uuid, count: i64) {
    eventually(&format!("{id} reaches {count}"), || async {
        (fixture.balance(id.into()).await == Some(count)).then_some(())
    })
    .await;
}

/// The number of parked messages.
pub(crate) async fn parked(fixture: &Fixture) -> i64 {
    fixture.look().await.query_one("SELECT count(*) FROM parked", &[]).await.unwrap().get(0)
}

/// A broker that counts the messages that are read from it.
#[derive(Clone)]
pub(crate) struct Counting {
    broker: PgBroker,
    read: Arc<AtomicUsize>,
}

impl Counting {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        Self { broker: fixture.broker(), read: Arc::default() }
    }

    /// The number of messages that were read.
    pub(crate) fn count(&self) -> usize {
        self.read.load(Relaxed)
    }

    /// Waits until at least so many messages are read and no more follow. Returns their number.
    pub(crate) async fn stands_still(&self, least: usize) -> usize {
        eventually("enough is read", || async { (self.count() >= least).then_some(()) }).await;
        let mut seen = Vec::new();
        eventually("reading stands still", || {
            seen.push(self.count());
            let still = seen.len() > 60 && seen[seen.len() - 60..].iter().all(|count| *count == seen[seen.len() - 1]);
            async move { still.then_some(()) }
        })
        .await;
        self.count()
    }
}

pub(crate) struct CountingSubscriber(<PgBroker as Broker>::Subscriber, Arc<AtomicUsize>);

impl Subscriber for CountingSubscriber {
    async fn poll_assignment(&mut self) -> anyhow::Result<AssignmentDelta> {
        self.0.poll_assignment().await
    }

    async fn release(&mut self, lost: &[Partition]) -> anyhow::Result<()> {
        self.0.release(lost).await
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let read = self.0.read().await?;
        self.1.fetch_add(read.len(), Relaxed);
        Ok(read)
    }

    fn set_paused(&mut self, held: &BTreeSet<Partition>) {
        self.0.set_paused(held);
    }

    async fn report_positions(&mut self, positions: &[(Partition, i64)]) -> anyhow::Result<()> {
        self.0.report_positions(positions).await
    }

    async fn leave(self) -> anyhow::Result<()> {
        self.0.leave().await
    }
}

impl Broker for Counting {
    type Publisher = <PgBroker as Broker>::Publisher;
    type Subscriber = CountingSubscriber;
    type Reader = <PgBroker as Broker>::Reader;

    const NAME: &'static str = "counting";

    async fn watermarks(&self, topic: &str) -> anyhow::Result<Option<Vec<Watermarks>>> {
        self.broker.watermarks(topic).await
    }

    async fn ensure_topic(&self, topic: &str) -> anyhow::Result<Vec<Watermarks>> {
        self.broker.ensure_topic(topic).await
    }

    async fn publisher(&self, cursor: &impl RelayCursor) -> anyhow::Result<Self::Publisher> {
        self.broker.publisher(cursor).await
    }

    async fn send(&self, records: &[Record]) -> anyhow::Result<()> {
        self.broker.send(records).await
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
        from: PositionLookup,
    ) -> anyhow::Result<Self::Subscriber> {
        Ok(CountingSubscriber(self.broker.subscribe(group, topics, from).await?, Arc::clone(&self.read)))
    }

    async fn read(&self, topic: &str, from: &[i64]) -> anyhow::Result<Self::Reader> {
        self.broker.read(topic, from).await
    }
}
