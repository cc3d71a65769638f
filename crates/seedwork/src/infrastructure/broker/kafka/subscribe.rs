//! Reads topics as one member of a group. Kafka's client is polled on a thread of its own, because it runs its
//! callbacks on that thread, and these wait for PostgreSQL and for messages in flight.

use super::{
    assignment::{Assignment, MemberContext, POLL_TIMEOUT},
    client::ClientFactory,
    read::delivery,
};
use crate::infrastructure::{
    broker::{AssignmentDelta, Delivery, Partition, PositionLookup, Subscriber},
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

/// The most messages of a batch, and the bytes at which it is full.
const BATCH: (usize, usize) = (1_000, 1024 * 1024);
/// The buffered bytes above which the client is not polled. Its own limits then bound what it fetches.
const MAX_BUFFERED: usize = 4 * 1024 * 1024;
/// The buffered bytes of a paused partition above which it is paused at the client, too.
const MAX_PAUSED_BUFFER: usize = 1024 * 1024;
/// The longest time without a poll. After it, all partitions are paused, so that the client can be polled for other
/// events. Pausing discards what the client has fetched, so it is for a member that takes nothing, not for one that is
/// slower than Kafka.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest wait of a read.
const WAIT: Duration = Duration::from_millis(500);
/// The longest wait of the thread for an event.
const POLL: Duration = Duration::from_millis(100);

/// The member reads from the group's own positions. A position that does not exist is an error, not a reset.
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
    // The pause before the next fetch after the queue was full. The default is a second, in which nothing is fetched.
    ("fetch.queue.backoff.ms", "20"),
];

/// Reads as one member of a group.
pub struct KafkaSubscriber {
    assignment: Arc<Assignment>,
    /// Owned by the thread, which leaves the group by dropping it.
    consumer: Weak<BaseConsumer<MemberContext>>,
    left: oneshot::Receiver<()>,
}

impl KafkaSubscriber {
    pub(super) fn open(
        clients: &ClientFactory,
        group: &str,
        topics: &[&'static str],
        positions: PositionLookup,
    ) -> anyhow::Result<Self> {
        let assignment = Arc::new(Assignment::new(positions, Handle::current()));
        let mut settings = SETTINGS.to_vec();
        settings.push(("group.id", group));
        let instance = clients.settings.group_instance_id.as_ref().map(|name| format!("{name}-{group}"));
        if let Some(instance) = &instance {
            settings.push(("group.instance.id", instance));
        }
        let context = MemberContext(Arc::clone(&assignment));
        let polled: Arc<BaseConsumer<_>> = Arc::new(clients.create(&settings, context)?);
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
    async fn poll_assignment(&mut self) -> anyhow::Result<AssignmentDelta> {
        self.assignment.poll().map_err(|error| anyhow!(error))
    }

    async fn release(&mut self, revoked: &[Partition]) -> anyhow::Result<()> {
        self.assignment.release(revoked);
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let taken = self.assignment.take_batch(BATCH.0, BATCH.1);
        if !taken.is_empty() || timeout(WAIT, self.assignment.ready.notified()).await.is_err() {
            return Ok(taken);
        }
        Ok(self.assignment.take_batch(BATCH.0, BATCH.1))
    }

    fn set_paused(&mut self, paused: &BTreeSet<Partition>) {
        self.assignment.set_paused(paused);
    }

    async fn report_positions(&mut self, positions: &[(Partition, i64)]) -> anyhow::Result<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::with_capacity(positions.len());
        for (partition, position) in positions {
            offsets.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*position))?;
        }
        let Some(consumer) = self.consumer.upgrade() else { return Ok(()) };
        // Nothing depends on the commit, so it is not waited for.
        if let Err(error) = consumer.commit(&offsets, CommitMode::Async) {
            tracing::debug!(%error, "the group's positions are not reported to Kafka");
        }
        Ok(())
    }

    async fn leave(mut self) -> anyhow::Result<()> {
        self.assignment.close();
        // No message is sent: the sender is dropped when the thread has left the group.
        let _ = (&mut self.left).await;
        Ok(())
    }
}

/// Polls Kafka until the member leaves.
fn run(consumer: &BaseConsumer<MemberContext>, topics: &[&'static str]) {
    let assignment = &consumer.context().0;
    let names: HashMap<&str, Arc<str>> = topics.iter().map(|topic| (*topic, Arc::from(*topic))).collect();
    let (mut all_paused, mut paused) = (None, BTreeSet::new());
    if let Err(error) = consumer.subscribe(topics) {
        assignment.fail(error.to_string());
    }
    while !assignment.is_closed() {
        if !assignment.is_polled() {
            // The member takes no messages. Other members read its partitions until it polls again.
            tracing::warn!("the member leaves the group: it has not polled its assignment for {POLL_TIMEOUT:?}");
            consumer.unsubscribe();
            while consumer.assignment().is_ok_and(|assigned| assigned.count() > 0) && !assignment.is_closed() {
                drop(consumer.poll(POLL));
            }
            assignment.wait_until_polled();
            if let Err(error) = consumer.subscribe(topics) {
                assignment.fail(error.to_string());
            }
        }
        if let Err(error) = apply_backpressure(consumer, &mut all_paused, &mut paused) {
            assignment.fail(error.to_string());
        }
        match consumer.poll(POLL) {
            None => {}
            Some(Ok(message)) => {
                if let Some(topic) = names.get(message.topic()) {
                    assignment.buffer(delivery(topic, &message));
                }
            }
            Some(Err(error)) if is_transient(&error) => {
                tracing::debug!(%error, "the Kafka consumer recovers by itself")
            }
            Some(Err(error)) => assignment.fail(error.to_string()),
        }
    }
}

/// Waits while the buffer is full. If that lasts, pauses all partitions until half of the buffer is taken.
fn apply_backpressure(
    consumer: &BaseConsumer<MemberContext>,
    all_paused: &mut Option<TopicPartitionList>,
    paused: &mut BTreeSet<Partition>,
) -> Result<(), KafkaError> {
    let assignment = &consumer.context().0;
    match all_paused {
        None if assignment.wait_for_room(MAX_BUFFERED, STALL_TIMEOUT) => pause_full(consumer, paused)?,
        Some(_) if assignment.bytes() < MAX_BUFFERED / 2 => {
            if let Some(all) = all_paused.take() {
                consumer.resume(&all)?;
                // This also resumes partitions that the member has paused: `pause_full` pauses them again.
                paused.clear();
            }
        }
        _ => {
            let assigned = consumer.assignment()?;
            if all_paused.as_ref() != Some(&assigned) {
                consumer.pause(&assigned)?;
                let pauses = assignment.count_pause();
                metrics::counter!("sta_kafka_pauses_total").increment(1);
                tracing::debug!(pauses, "the member takes no messages: all partitions are paused");
                *all_paused = Some(assigned);
            }
        }
    }
    Ok(())
}

/// Pauses at the client the partitions that the member has paused and whose buffers are full. Resumes the others.
fn pause_full(consumer: &BaseConsumer<MemberContext>, paused: &mut BTreeSet<Partition>) -> Result<(), KafkaError> {
    let full = consumer.context().0.paused_over(MAX_PAUSED_BUFFER);
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

/// Returns true if the client recovers from an error by itself.
fn is_transient(error: &KafkaError) -> bool {
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
    use crate::testing::{broker::kafka_settings, eventually};
    use rdkafka::{
        ClientConfig,
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer},
    };

    const TOPIC: &str = "t";
    const PARTITIONS: i32 = 3;
    const COUNT: i64 = 30_000;

    type Cluster = MockCluster<'static, DefaultProducerContext>;

    /// Returns a member that has all partitions. Their messages are several times as large as its buffer.
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
        let positions: PositionLookup = Arc::new(|all| Box::pin(std::future::ready(Ok(vec![0; all.len()]))));
        let mut member =
            KafkaSubscriber::open(&ClientFactory::new(kafka_settings(brokers)), "g", &[TOPIC], positions).unwrap();
        let mut assigned = 0;
        while assigned < 3 {
            assigned += member.poll_assignment().await.unwrap().assigned.len();
            timeout(WAIT, member.assignment.ready.notified()).await.unwrap_or_default();
        }
        (member, cluster)
    }

    async fn wait_until_full(member: &mut KafkaSubscriber) {
        let assignment = Arc::clone(&member.assignment);
        eventually("the buffer is full", || {
            let full = assignment.bytes() >= MAX_BUFFERED;
            async move { full.then_some(()) }
        })
        .await;
        // A member that does not poll loses its assignment.
        assert_eq!(member.poll_assignment().await.unwrap(), AssignmentDelta::default());
    }

    /// Takes all remaining messages, and checks their order.
    async fn read_rest(member: &mut KafkaSubscriber, next: &mut [i64; 3]) {
        while next.iter().sum::<i64>() < COUNT {
            assert_eq!(member.poll_assignment().await.unwrap(), AssignmentDelta::default());
            let read = member.read().await.unwrap();
            assert_in_order(&read, next);
        }
    }

    fn assert_in_order(read: &[Delivery], next: &mut [i64; 3]) {
        for delivery in read {
            let next = &mut next[usize::try_from(delivery.partition.number).unwrap()];
            assert_eq!(delivery.offset, *next, "messages come in order and once");
            *next += 1;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_member_that_is_slower_than_kafka_is_not_paused() {
        let (mut member, _cluster) = member().await;
        let mut next = [0; 3];
        for _ in 0..5 {
            wait_until_full(&mut member).await;
            let read = member.read().await.unwrap();
            assert!(read.iter().map(Delivery::bytes).sum::<usize>() < 2 * BATCH.1);
            assert_in_order(&read, &mut next);
        }
        read_rest(&mut member, &mut next).await;
        assert_eq!(member.assignment.pauses(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_paused_partition_takes_no_room_from_the_others() {
        let (mut member, _cluster) = member().await;
        let paused = Partition { topic: TOPIC.into(), number: 0 };
        member.set_paused(&[paused.clone()].into());
        let mut next = [0; 3];
        while next.iter().sum::<i64>() < COUNT * 2 / 3 {
            assert_eq!(member.poll_assignment().await.unwrap(), AssignmentDelta::default());
            let read = member.read().await.unwrap();
            assert!(read.iter().all(|delivery| delivery.partition != paused));
            assert_in_order(&read, &mut next);
        }
        let assignment = Arc::clone(&member.assignment);
        eventually("its buffer is full", || async {
            (!assignment.paused_over(MAX_PAUSED_BUFFER).is_empty()).then_some(())
        })
        .await;
        assert!(assignment.paused_over(4 * MAX_PAUSED_BUFFER).is_empty(), "its buffer is bounded");
        member.set_paused(&[].into());
        read_rest(&mut member, &mut next).await;
        assert_eq!(member.assignment.pauses(), 0, "the other partitions are not paused");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_member_that_takes_nothing_is_paused_once_and_loses_nothing() {
        let (mut member, _cluster) = member().await;
        wait_until_full(&mut member).await;
        let assignment = Arc::clone(&member.assignment);
        eventually("all partitions are paused", || {
            let pauses = assignment.pauses();
            async move { (pauses > 0).then_some(()) }
        })
        .await;
        assert!(assignment.bytes() < 2 * MAX_BUFFERED, "the buffer is bounded");
        read_rest(&mut member, &mut [0; 3]).await;
        assert_eq!(assignment.pauses(), 1, "it is not paused again once it takes messages");
    }
}
