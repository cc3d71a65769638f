//! Reads topics as one of a group, on a thread of its own: Kafka's client calls back on the thread that polls it, and
//! these calls wait for PostgreSQL and for what is in work.

use super::{
    assignment::{Assignment, Member, TERM},
    client::Connection,
    read::delivery,
};
use crate::infrastructure::{
    broker::{Delivery, Partition, Positions, Share, Subscriber},
    supervise,
};
use anyhow::anyhow;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// The most messages of a batch, and the bytes after which it takes no more.
const BATCH: (usize, usize) = (1_000, 1024 * 1024);
/// The bytes read ahead above which the client is not polled. Its own limits then bound what it fetches.
const AHEAD: usize = 4 * 1024 * 1024;
/// The bytes read ahead of a held partition above which it is paused.
const ASIDE: usize = 1024 * 1024;
/// The longest time without a poll before the partitions are paused, so that the client can be polled for other events.
/// Pausing discards what the client has fetched. So it is for a member that takes nothing, not for one that is slower
/// than Kafka.
const STALLED: Duration = Duration::from_secs(1);
/// How long a read waits for messages.
const WAIT: Duration = Duration::from_millis(500);
/// How long the thread waits for an event.
const POLL: Duration = Duration::from_millis(100);

/// The member: where it stands is the group's own business, and it leaves nothing to chance when that is not there.
const SETTINGS: [(&str, &str); 11] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "1000"),
    ("fetch.wait.max.ms", "100"),
    // The limits of the client's own queue, for all partitions together, and of one response of a broker.
    ("queued.max.messages.kbytes", "4096"),
    ("queued.min.messages", "20000"),
    ("fetch.max.bytes", "4194304"),
    // The pause before the next fetch after the queue was full. During the default, a second, nothing is fetched.
    ("fetch.queue.backoff.ms", "20"),
];

/// Reads for one process of a group.
pub struct KafkaSubscriber {
    assignment: Arc<Assignment>,
    /// It is the thread's, which leaves the group with it.
    consumer: Weak<BaseConsumer<Member>>,
    left: oneshot::Receiver<()>,
}

impl KafkaSubscriber {
    pub(super) fn open(
        connection: &Connection,
        group: &str,
        topics: &[&'static str],
        positions: Positions,
    ) -> anyhow::Result<Self> {
        let assignment = Arc::new(Assignment::new(positions, Handle::current()));
        let mut settings = SETTINGS.to_vec();
        settings.push(("group.id", group));
        let instance = connection.settings.group_instance_id.as_ref().map(|name| format!("{name}-{group}"));
        if let Some(instance) = &instance {
            settings.push(("group.instance.id", instance));
        }
        let member = Member(Arc::clone(&assignment));
        let polled: Arc<BaseConsumer<_>> = Arc::new(connection.client(&settings, member)?);
        let (consumer, topics) = (Arc::downgrade(&polled), topics.to_vec());
        let (leave, left) = oneshot::channel();
        supervise::thread(format!("kafka-{group}"), move || {
            run(&polled, &topics);
            drop(polled);
            drop(leave);
        })?;
        Ok(Self { assignment, consumer, left })
    }
}

impl Drop for KafkaSubscriber {
    fn drop(&mut self) {
        self.assignment.close();
    }
}

impl Subscriber for KafkaSubscriber {
    async fn share(&mut self) -> anyhow::Result<Share> {
        self.assignment.share().map_err(|error| anyhow!(error))
    }

    async fn release(&mut self, lost: &[Partition]) -> anyhow::Result<()> {
        self.assignment.release(lost);
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let taken = self.assignment.take(BATCH.0, BATCH.1);
        if !taken.is_empty() || timeout(WAIT, self.assignment.news.notified()).await.is_err() {
            return Ok(taken);
        }
        Ok(self.assignment.take(BATCH.0, BATCH.1))
    }

    fn hold(&mut self, held: &BTreeSet<Partition>) {
        self.assignment.hold(held);
    }

    async fn settled(&mut self, positions: &[(Partition, i64)]) -> anyhow::Result<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::with_capacity(positions.len());
        for (partition, position) in positions {
            offsets.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*position))?;
        }
        let Some(consumer) = self.consumer.upgrade() else { return Ok(()) };
        // Sent, not waited for: it decides nothing.
        if let Err(error) = consumer.commit(&offsets, CommitMode::Async) {
            tracing::debug!(%error, "the broker's own tools do not see how far this group is");
        }
        Ok(())
    }

    async fn leave(mut self) -> anyhow::Result<()> {
        self.assignment.close();
        // Nothing is sent: it ends with the thread.
        let _ = (&mut self.left).await;
        Ok(())
    }
}

/// Polls until the member ends.
fn run(consumer: &BaseConsumer<Member>, topics: &[&'static str]) {
    let assignment = &consumer.context().0;
    let names: HashMap<&str, Arc<str>> = topics.iter().map(|topic| (*topic, Arc::from(*topic))).collect();
    let (mut paused, mut aside) = (None, BTreeSet::new());
    if let Err(error) = consumer.subscribe(topics) {
        assignment.fail(error.to_string());
    }
    while !assignment.is_closed() {
        if !assignment.is_alive() {
            // Nobody takes what is read: others may have it, until somebody asks again.
            tracing::warn!("the share of the group is given up: nobody has asked for it for {TERM:?}");
            consumer.unsubscribe();
            while consumer.assignment().is_ok_and(|assigned| assigned.count() > 0) && !assignment.is_closed() {
                drop(consumer.poll(POLL));
            }
            assignment.wait_for_life();
            if let Err(error) = consumer.subscribe(topics) {
                assignment.fail(error.to_string());
            }
        }
        if let Err(error) = hold(consumer, &mut paused, &mut aside) {
            assignment.fail(error.to_string());
        }
        match consumer.poll(POLL) {
            None => {}
            Some(Ok(message)) => {
                if let Some(topic) = names.get(message.topic()) {
                    assignment.put(delivery(topic, &message));
                }
            }
            Some(Err(error)) if is_passing(&error) => tracing::debug!(%error, "the Kafka consumer goes on"),
            Some(Err(error)) => assignment.fail(error.to_string()),
        }
    }
}

/// Waits while too much is read ahead. When that lasts, the partitions are paused until half of it is taken.
fn hold(
    consumer: &BaseConsumer<Member>,
    paused: &mut Option<TopicPartitionList>,
    aside: &mut BTreeSet<Partition>,
) -> Result<(), KafkaError> {
    let assignment = &consumer.context().0;
    match paused {
        None if assignment.has_room(AHEAD, STALLED) => set_aside(consumer, aside)?,
        Some(_) if assignment.bytes() < AHEAD / 2 => {
            if let Some(paused) = paused.take() {
                consumer.resume(&paused)?;
                // Held partitions are resumed, too: `set_aside` pauses them again.
                aside.clear();
            }
        }
        _ => {
            let assigned = consumer.assignment()?;
            if paused.as_ref() != Some(&assigned) {
                consumer.pause(&assigned)?;
                let pauses = assignment.count_pause();
                metrics::counter!("sta_kafka_pauses_total").increment(1);
                tracing::debug!(pauses, "nothing of what is read ahead is taken: the partitions are paused");
                *paused = Some(assigned);
            }
        }
    }
    Ok(())
}

/// Pauses partitions that the member holds, once enough of them is read ahead, until it lets them go.
fn set_aside(consumer: &BaseConsumer<Member>, paused: &mut BTreeSet<Partition>) -> Result<(), KafkaError> {
    let full = consumer.context().0.full_of_held(ASIDE);
    if *paused != full {
        let list = |partitions: Vec<&Partition>| {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for partition in partitions {
                list.add_partition(&partition.topic, partition.number);
            }
            list
        };
        consumer.pause(&list(full.difference(paused).collect()))?;
        consumer.resume(&list(paused.difference(&full).collect()))?;
        *paused = full;
    }
    Ok(())
}

/// Whether the client goes on by itself after an error.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::PollExceeded
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        infrastructure::broker::{KafkaSettings, SecurityProtocol},
        testing::eventually,
    };
    use rdkafka::{
        ClientConfig,
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer},
    };

    const TOPIC: &str = "t";
    const PARTITIONS: i32 = 3;
    const COUNT: i64 = 30_000;

    type Cluster = MockCluster<'static, DefaultProducerContext>;

    /// A member that has all partitions, each with messages of several times what is read ahead.
    async fn member() -> (KafkaSubscriber, Cluster) {
        let cluster: Cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
        for n in 0..COUNT {
            let (partition, value) = (i32::try_from(n).unwrap() % PARTITIONS, [7; 300]);
            producer.send(BaseRecord::<[u8], [u8]>::to(TOPIC).partition(partition).payload(&value)).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
        let settings = KafkaSettings {
            brokers,
            security_protocol: SecurityProtocol::Plaintext,
            sasl_mechanism: String::new(),
            sasl_username: None,
            sasl_password: None,
            ssl_ca: None,
            group_instance_id: None,
            partitions: PARTITIONS,
            replication: 1,
            min_insync: None,
            retention: Duration::from_secs(3_600),
        };
        let positions: Positions = Arc::new(|all| Box::pin(std::future::ready(Ok(vec![0; all.len()]))));
        let mut member = KafkaSubscriber::open(&Connection::new(settings), "g", &[TOPIC], positions).unwrap();
        let mut gained = 0;
        while gained < 3 {
            gained += member.share().await.unwrap().gained.len();
            timeout(WAIT, member.assignment.news.notified()).await.unwrap_or_default();
        }
        (member, cluster)
    }

    async fn is_full(member: &mut KafkaSubscriber) {
        let assignment = Arc::clone(&member.assignment);
        eventually("as much as may be is read ahead", || {
            let full = assignment.bytes() >= AHEAD;
            async move { full.then_some(()) }
        })
        .await;
        // A member that does not ask for its share loses it.
        assert_eq!(member.share().await.unwrap(), Share::default());
    }

    /// Takes all that is left, and checks its order.
    async fn rest(member: &mut KafkaSubscriber, next: &mut [i64; 3]) {
        while next.iter().sum::<i64>() < COUNT {
            assert_eq!(member.share().await.unwrap(), Share::default());
            let read = member.read().await.unwrap();
            in_order(&read, next);
        }
    }

    fn in_order(read: &[Delivery], next: &mut [i64; 3]) {
        for delivery in read {
            let next = &mut next[usize::try_from(delivery.partition.number).unwrap()];
            assert_eq!(delivery.offset, *next, "in order, and nothing twice");
            *next += 1;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_member_that_is_slower_than_kafka_is_not_paused() {
        let (mut member, _cluster) = member().await;
        let mut next = [0; 3];
        for _ in 0..5 {
            is_full(&mut member).await;
            let read = member.read().await.unwrap();
            assert!(read.iter().map(Delivery::bytes).sum::<usize>() < 2 * BATCH.1);
            in_order(&read, &mut next);
        }
        rest(&mut member, &mut next).await;
        assert_eq!(member.assignment.pauses(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_partition_that_is_held_takes_no_room_from_the_others() {
        let (mut member, _cluster) = member().await;
        let held = Partition { topic: TOPIC.into(), number: 0 };
        member.hold(&[held.clone()].into());
        let mut next = [0; 3];
        while next.iter().sum::<i64>() < COUNT * 2 / 3 {
            assert_eq!(member.share().await.unwrap(), Share::default());
            let read = member.read().await.unwrap();
            assert!(read.iter().all(|delivery| delivery.partition != held));
            in_order(&read, &mut next);
        }
        let assignment = Arc::clone(&member.assignment);
        eventually("it is paused", || async { (!assignment.full_of_held(ASIDE).is_empty()).then_some(()) }).await;
        assert!(assignment.full_of_held(4 * ASIDE).is_empty(), "what is read ahead of it is bounded");
        member.hold(&[].into());
        rest(&mut member, &mut next).await;
        assert_eq!(member.assignment.pauses(), 0, "the others are not paused");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_member_that_takes_nothing_is_paused_once_and_loses_nothing() {
        let (mut member, _cluster) = member().await;
        is_full(&mut member).await;
        let assignment = Arc::clone(&member.assignment);
        eventually("the partitions are paused", || {
            let pauses = assignment.pauses();
            async move { (pauses > 0).then_some(()) }
        })
        .await;
        assert!(assignment.bytes() < 2 * AHEAD, "nothing is read without a bound");
        rest(&mut member, &mut [0; 3]).await;
        assert_eq!(assignment.pauses(), 1, "it is not paused again as soon as it takes something");
    }
}
