//! What every broker promises, as tests: [`broker_conformance!`](crate::broker_conformance) makes one of each for an
//! adapter.

#![expect(clippy::unwrap_used, reason = "tests: what cannot be had fails them")]

mod groups;
mod messages;
mod publishing;

pub use groups::*;
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

/// The context whose relay publishes.
pub const CONTEXT: &str = "conformidad";
/// How many partitions it has.
pub const PARTITIONS: i32 = 4;
/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A database with the log of [`CONTEXT`].
pub async fn database() -> TestDatabase {
    TestDatabase::create(vec![(CONTEXT, postgres::CONTEXT)]).await.unwrap()
}

/// An adapter under test: a broker of its own, empty, that makes topics of [`PARTITIONS`] partitions.
pub trait BrokerUnderTest {
    /// The adapter.
    type Broker: Broker;

    /// The adapter.
    fn broker(&self) -> Self::Broker;

    /// The topic of the test, which nobody else uses.
    fn topic(&self) -> &'static str;

    /// A database with the log of [`CONTEXT`]: made by [`database`].
    fn database(&self) -> &TestDatabase;

    /// Puts a message into partition 0 of the topic as no well-behaved producer would.
    fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) -> impl Future<Output = ()>;

    /// Cuts every connection that the broker's clients have.
    fn interrupt(&self) -> impl Future<Output = ()>;
}

/// Tests of everything that a broker promises, each a `#[tokio::test]` of its own.
///
/// The argument is a path to an async function that makes a [`BrokerUnderTest`](crate::testing::broker::BrokerUnderTest);
/// what follows it are further attributes of each test.
#[macro_export]
macro_rules! broker_conformance {
    ($make:path $(, $attribute:meta)*) => {
        $crate::broker_conformance!(@each $make, [$($attribute),*]
            a_key_keeps_its_order_and_its_partition
            a_key_has_the_partition_that_others_choose
            what_is_sent_comes_as_it_was
            what_no_well_behaved_producer_sends_comes_too
            a_large_message_comes
            a_reader_reads_from_where_it_is_told
            looking_for_a_topic_does_not_make_it
            a_group_reads_on_from_its_own_positions
            what_was_not_settled_comes_again
            nothing_is_read_before_it_is_told_to_be_had
            a_reader_that_is_slow_loses_nothing
            two_share_the_partitions
            members_that_come_and_go_under_load_lose_nothing
            what_is_held_waits_while_the_rest_comes
            what_is_given_up_goes_over_when_it_is_released
            who_leaves_is_followed_by_the_others
            who_is_frozen_is_followed_by_the_others
            connections_that_are_cut_lose_nothing
            publishing_moves_the_cursor
            who_lost_the_lease_does_not_move_the_cursor
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

/// Where the group of a test stands: its own memory, as a context has it in its schema.
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

    /// Settles everything up to a message.
    fn settle(&self, delivery: &Delivery) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.insert(delivery.partition.number, delivery.offset + 1);
    }
}

/// One of the group, with what it has now.
struct Member<S> {
    subscriber: S,
    has: BTreeSet<i32>,
}

impl<S: Subscriber> Member<S> {
    async fn join<U: BrokerUnderTest<Broker: Broker<Subscriber = S>>>(under: &U, memory: &Memory) -> Self {
        let subscriber = subscribe(under, memory).await.unwrap();
        Self { subscriber, has: BTreeSet::new() }
    }

    /// Asks for its share, and releases what it lost at once.
    async fn ask(&mut self) -> AssignmentDelta {
        let share = self.keep().await;
        self.subscriber.release(&share.revoked).await.unwrap();
        share
    }

    /// Asks for its share, and releases nothing.
    async fn keep(&mut self) -> AssignmentDelta {
        let share = self.subscriber.poll_assignment().await.unwrap();
        let number = |partition: &Partition| partition.number;
        share.revoked.iter().for_each(|partition| assert!(self.has.remove(&number(partition)), "it had {partition:?}"));
        share.assigned.iter().for_each(|(partition, _)| assert!(self.has.insert(number(partition)), "it had not"));
        share
    }

    async fn asks_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(Instant::now() < until, "{what} did not come true: it has {:?}", self.has);
            self.ask().await;
            // Waits for news, not for a time.
            assert!(self.subscriber.read().await.unwrap().is_empty(), "nothing was sent");
        }
    }

    async fn reads(&mut self, count: usize) -> Vec<Delivery> {
        let until = Instant::now() + DEADLINE;
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            assert!(Instant::now() < until, "{} of {count} messages came", all.len());
            self.ask().await;
            all.extend(self.subscriber.read().await.unwrap());
        }
        assert_eq!(all.len(), count, "no more than what was sent came");
        all
    }
}

/// A way to read as one of the group of the test.
async fn subscribe<U: BrokerUnderTest>(
    under: &U,
    memory: &Memory,
) -> anyhow::Result<<U::Broker as Broker>::Subscriber> {
    let topic = under.topic();
    under.broker().subscribe(&format!("sta-{topic}"), &[topic], memory.positions()).await
}

/// The n-th message about something.
fn record(under: &impl BrokerUnderTest, key: &str, n: usize) -> Record {
    Record {
        topic: under.topic().into(),
        key: key.into(),
        time: chrono::DateTime::UNIX_EPOCH,
        headers: vec![("ce_id".into(), format!("{key}-{n}"))],
        value: n.to_string().into_bytes(),
    }
}

/// The messages 0..count about each key, in turns.
fn records(under: &impl BrokerUnderTest, keys: &[String], count: usize) -> Vec<Record> {
    (0..count).flat_map(|n| keys.iter().map(move |key| record(under, key, n))).collect()
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("clave-{n}")).collect()
}

fn n(delivery: &Delivery) -> usize {
    std::str::from_utf8(delivery.value.as_deref().unwrap()).unwrap().parse().unwrap()
}

fn all_partitions() -> BTreeSet<i32> {
    (0..PARTITIONS).collect()
}
