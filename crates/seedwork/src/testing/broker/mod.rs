//! The conformance suite of broker adapters: [`broker_conformance!`](crate::broker_conformance) makes a test of each
//! promise.

#![expect(clippy::unwrap_used, reason = "a helper of tests panics")]

mod groups;
mod kafka;
mod messages;
mod publishing;

pub use groups::*;
pub use kafka::*;
pub use messages::*;
pub use publishing::*;

use super::TestDatabase;
use crate::infrastructure::{
    broker::{AssignmentDelta, Broker, Delivery, Partition, PositionLookup, Record, Subscriber},
    postgres,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The context whose relay publishes in these tests.
pub const CONTEXT: &str = "conformance";
/// The number of partitions of a topic.
pub const PARTITIONS: i32 = 4;
/// The time that anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Creates a database with the log of [`CONTEXT`].
pub async fn database() -> TestDatabase {
    TestDatabase::create(vec![(CONTEXT, postgres::CONTEXT)]).await.unwrap()
}

/// An adapter under test, over an empty broker of its own that creates topics of [`PARTITIONS`] partitions.
pub trait BrokerUnderTest {
    /// The type of the adapter.
    type Broker: Broker;

    /// The adapter.
    fn broker(&self) -> Self::Broker;

    /// The topic of the test, which no other test uses.
    fn topic(&self) -> &'static str;

    /// The database that [`database`] created.
    fn database(&self) -> &TestDatabase;

    /// Writes a message to partition 0 of the topic as no well-behaved producer would.
    fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) -> impl Future<Output = ()>;

    /// Cuts all connections of the broker's clients.
    fn interrupt(&self) -> impl Future<Output = ()>;
}

/// Makes a `#[tokio::test]` of each promise of a broker.
///
/// The argument is a path to an async function that returns a [`BrokerUnderTest`](crate::testing::broker::BrokerUnderTest),
/// followed by further attributes of each test.
#[macro_export]
macro_rules! broker_conformance {
    ($make:path $(, $attribute:meta)*) => {
        $crate::broker_conformance!(@each $make, [$($attribute),*]
            a_key_keeps_its_order_and_its_partition
            a_key_has_the_partition_that_other_producers_choose
            a_message_is_delivered_unchanged
            malformed_messages_are_delivered_too
            a_large_message_is_delivered
            a_reader_begins_at_the_given_offsets
            looking_for_a_topic_does_not_create_it
            a_group_reads_on_from_its_own_positions
            unsettled_messages_come_again
            a_member_reads_no_partition_before_its_share_has_it
            a_reader_that_is_slow_loses_nothing
            two_share_the_partitions
            members_that_come_and_go_under_load_lose_nothing
            a_held_partition_waits_while_the_others_are_read
            a_lost_partition_is_handed_over_when_it_is_released
            a_member_that_leaves_hands_its_partitions_over
            a_member_that_is_frozen_loses_its_partitions_to_the_others
            connections_that_are_cut_lose_nothing
            publishing_moves_the_cursor
            a_relay_without_the_lease_does_not_move_the_cursor
        );
    };
    (@each $make:path, $attributes:tt $($promise:ident)*) => {
        $($crate::broker_conformance!(@one $make, $attributes $promise);)*
    };
    (@one $make:path, [$($attribute:meta),*] $promise:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        $(#[$attribute])*
        async fn $promise() {
            $crate::testing::broker::$promise(&$make().await).await;
        }
    };
}

/// The positions of a test's group, in memory instead of a context's schema.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<i32, i64>>>);

impl Memory {
    fn positions(&self) -> PositionLookup {
        let memory = self.clone();
        Arc::new(move |partitions| {
            let known = memory.all();
            Box::pin(async move {
                Ok(partitions.iter().map(|partition| known.get(&partition.number).copied().unwrap_or(0)).collect())
            })
        })
    }

    fn all(&self) -> BTreeMap<i32, i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Settles all messages of the partition up to this one.
    fn settle(&self, delivery: &Delivery) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.insert(delivery.partition.number, delivery.offset + 1);
    }
}

/// A member of the group, with the partitions that it has now.
struct Member<S> {
    subscriber: S,
    has: BTreeSet<i32>,
}

impl<S: Subscriber> Member<S> {
    async fn join<U: BrokerUnderTest<Broker: Broker<Subscriber = S>>>(under: &U, memory: &Memory) -> Self {
        let subscriber = subscribe(under, memory).await.unwrap();
        Self { subscriber, has: BTreeSet::new() }
    }

    /// Asks for its share and releases the lost partitions at once.
    async fn ask(&mut self) -> AssignmentDelta {
        let share = self.keep().await;
        self.subscriber.release(&share.revoked).await.unwrap();
        share
    }

    /// Asks for its share and releases nothing.
    async fn keep(&mut self) -> AssignmentDelta {
        let share = self.subscriber.poll_assignment().await.unwrap();
        let number = |partition: &Partition| partition.number;
        share.revoked.iter().for_each(|partition| {
            assert!(self.has.remove(&number(partition)), "it lost {partition:?}, which it did not have")
        });
        share.assigned.iter().for_each(|(partition, _)| {
            assert!(self.has.insert(number(partition)), "it gained {partition:?}, which it had")
        });
        share
    }

    async fn asks_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(Instant::now() < until, "it was never true that {what}: the member has {:?}", self.has);
            self.ask().await;
            // Returns as soon as the share changes.
            assert!(self.subscriber.read().await.unwrap().is_empty(), "a message came although none was sent");
        }
    }

    async fn reads(&mut self, count: usize) -> Vec<Delivery> {
        let until = Instant::now() + DEADLINE;
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            assert!(Instant::now() < until, "only {} of {count} messages came", all.len());
            self.ask().await;
            all.extend(self.subscriber.read().await.unwrap());
        }
        assert_eq!(all.len(), count, "more messages came than were sent");
        all
    }
}

/// Joins the group of the test.
async fn subscribe<U: BrokerUnderTest>(
    under: &U,
    memory: &Memory,
) -> anyhow::Result<<U::Broker as Broker>::Subscriber> {
    let topic = under.topic();
    under.broker().subscribe(&format!("sta-{topic}"), &[topic], memory.positions()).await
}

/// The n-th message of a key.
fn record(under: &impl BrokerUnderTest, key: &str, n: usize) -> Record {
    Record {
        topic: under.topic().into(),
        key: key.into(),
        time: chrono::DateTime::UNIX_EPOCH,
        headers: vec![("ce_id".into(), format!("{key}-{n}"))],
        value: n.to_string().into_bytes(),
    }
}

/// The messages 0..count of each key, in turns.
fn records(under: &impl BrokerUnderTest, keys: &[String], count: usize) -> Vec<Record> {
    (0..count).flat_map(|n| keys.iter().map(move |key| record(under, key, n))).collect()
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("key-{n}")).collect()
}

fn n(delivery: &Delivery) -> usize {
    std::str::from_utf8(delivery.value.as_deref().unwrap()).unwrap().parse().unwrap()
}

fn all_partitions() -> BTreeSet<i32> {
    (0..PARTITIONS).collect()
}
