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
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// How many messages are given at once.
const BATCH: usize = 1_000;
/// Above how many messages read ahead nothing more is fetched, and below how many it is again.
const AHEAD: (usize, usize) = (8_192, 2_048);
/// How long a read waits for messages.
const WAIT: Duration = Duration::from_millis(500);
/// How long the thread waits for an event.
const POLL: Duration = Duration::from_millis(100);

/// The member: where it stands is the group's own business, and it leaves nothing to chance when that is not there.
const SETTINGS: [(&str, &str); 8] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "1000"),
    ("queued.max.messages.kbytes", "16384"),
    ("fetch.wait.max.ms", "100"),
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
        let taken = self.assignment.take(BATCH);
        if !taken.is_empty() || timeout(WAIT, self.assignment.news.notified()).await.is_err() {
            return Ok(taken);
        }
        Ok(self.assignment.take(BATCH))
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
    let mut paused: Option<TopicPartitionList> = None;
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
        if let Err(error) = hold(consumer, &mut paused) {
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

/// Holds fetching back while too much is read ahead.
fn hold(consumer: &BaseConsumer<Member>, paused: &mut Option<TopicPartitionList>) -> Result<(), KafkaError> {
    let ahead = consumer.context().0.buffered();
    if ahead > AHEAD.0 {
        let assigned = consumer.assignment()?;
        if paused.as_ref().is_none_or(|paused| *paused != assigned) {
            consumer.pause(&assigned)?;
            *paused = Some(assigned);
        }
    } else if ahead < AHEAD.1
        && let Some(paused) = paused.take()
    {
        consumer.resume(&paused)?;
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
