//! The broker over PostgreSQL passes the conformance suite.

use crate::fixture::connect;
use seedwork::{
    broker_conformance,
    infrastructure::broker::{Broker, PgBroker, PositionLookup, Subscriber},
    testing::{
        TestDatabase,
        broker::{BrokerUnderTest, PARTITIONS, database},
    },
};
use std::{collections::BTreeSet, sync::Arc};
use uuid::Uuid;

struct Postgres(TestDatabase);

impl Postgres {
    async fn open() -> Self {
        Self(database().await)
    }
}

impl BrokerUnderTest for Postgres {
    type Broker = PgBroker;

    fn broker(&self) -> PgBroker {
        PgBroker::new(self.0.context("broker").unwrap(), PARTITIONS)
    }

    fn topic(&self) -> &'static str {
        "conformance"
    }

    fn database(&self) -> &TestDatabase {
        &self.0
    }

    async fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
        let db = connect(self.0.url()).await;
        let next = "UPDATE broker.partitions SET next = next + 1 WHERE topic = $1 AND partition = 0 RETURNING next - 1";
        let offset: i64 = db.query_one(next, &[&self.topic()]).await.unwrap().get(0);
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let headers: serde_json::Map<_, _> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), text(value).into())).collect();
        let headers = serde_json::Value::Object(headers).to_string();
        let insert = "INSERT INTO broker.messages VALUES ($1, 0, $2, now(), $3, $4, $5)";
        db.execute(insert, &[&self.topic(), &offset, &key, &headers, &value]).await.unwrap();
    }

    async fn interrupt(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        connect(self.0.url()).await.execute(cut, &[]).await.unwrap();
    }
}

broker_conformance!(Postgres::open);

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_leaves_is_replaced_before_its_term_is_over() {
    let postgres = Postgres::open().await;
    let from_the_first: PositionLookup =
        Arc::new(|partitions| Box::pin(std::future::ready(Ok(vec![0; partitions.len()]))));
    let join = || {
        let (broker, positions) = (postgres.broker(), Arc::clone(&from_the_first));
        async move { broker.subscribe("sta-conformance", &["conformance"], positions).await.unwrap() }
    };
    let (mut one, mut other) = (join().await, join().await);
    assert_eq!(one.poll_assignment().await.unwrap().assigned.len(), PARTITIONS as usize);
    one.leave().await.unwrap();
    assert_eq!(other.poll_assignment().await.unwrap().assigned.len(), PARTITIONS as usize);
}

type Member = <PgBroker as Broker>::Subscriber;

/// A member of the group of a test.
async fn join(postgres: &Postgres, topics: &[&'static str]) -> Member {
    let positions: PositionLookup = Arc::new(|all| Box::pin(std::future::ready(Ok(vec![0; all.len()]))));
    postgres.broker().subscribe("group", topics, positions).await.unwrap()
}

/// Lets the members ask in turns until the shares settle. Returns the partitions of each, as topic and number.
async fn settle(members: &mut [Member]) -> Vec<BTreeSet<(String, i32)>> {
    let mut have = vec![BTreeSet::new(); members.len()];
    for _ in 0..6 {
        for (member, have) in members.iter_mut().zip(&mut have) {
            let share = member.poll_assignment().await.unwrap();
            member.release(&share.revoked).await.unwrap();
            share.revoked.iter().for_each(|lost| assert!(have.remove(&(lost.topic.to_string(), lost.number))));
            have.extend(share.assigned.iter().map(|(gained, _)| (gained.topic.to_string(), gained.number)));
        }
    }
    have
}

#[tokio::test(flavor = "multi_thread")]
async fn every_partition_has_a_reader_when_members_read_different_topics() {
    let postgres = Postgres::open().await;
    // Versions are mixed: each member reads one topic less than the one before.
    let mut members =
        [join(&postgres, &["a", "b", "c"]).await, join(&postgres, &["a", "b"]).await, join(&postgres, &["a"]).await];
    let have = settle(&mut members).await;
    let all: BTreeSet<_> = have.iter().flatten().cloned().collect();
    let counts: Vec<_> = have.iter().map(BTreeSet::len).collect();
    assert_eq!(all.len(), 12, "a partition has no reader: {have:?}");
    assert_eq!(counts.iter().sum::<usize>(), 12, "a partition has two readers: {have:?}");
    assert_eq!(
        counts[0] - 4,
        have[0].iter().filter(|(topic, _)| topic != "c").count(),
        "the only reader of c does not have all of it"
    );
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_the_same_topics_have_the_same_number_of_partitions() {
    let postgres = Postgres::open().await;
    let topics = ["a", "b", "c"];
    let mut members = [join(&postgres, &topics).await, join(&postgres, &topics).await, join(&postgres, &topics).await];
    let have = settle(&mut members).await;
    assert_eq!(have.iter().map(BTreeSet::len).collect::<Vec<_>>(), [4, 4, 4], "{have:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_read_the_partitions_that_a_member_of_an_older_version_lacks() {
    let postgres = Postgres::open().await;
    let mut members = [join(&postgres, &["a", "b"]).await, join(&postgres, &["a", "b"]).await];
    // A member of an older version does not write its topics, and it has less than its share.
    let old = Uuid::now_v7();
    let db = connect(postgres.0.url()).await;
    let live =
        "INSERT INTO broker.members (\"group\", member, expires_at) VALUES ('group', $1, now() + interval '4 s')";
    db.execute(live, &[&old]).await.unwrap();
    let lease = "INSERT INTO broker.leases SELECT 'group', topic, 3, $1, now() + interval '4 s' FROM broker.topics";
    assert_eq!(db.execute(lease, &[&old]).await.unwrap(), 2);
    let have = settle(&mut members).await;
    assert_eq!(have.iter().map(BTreeSet::len).collect::<Vec<_>>(), [3, 3], "{have:?}");
    assert!(have[0].is_disjoint(&have[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_another_clock_wrote_into_the_future_are_over() {
    let postgres = Postgres::open().await;
    let mut members = [join(&postgres, &["a"]).await];
    let db = connect(postgres.0.url()).await;
    let gone = Uuid::now_v7();
    for table in ["members (\"group\", member, expires_at) SELECT", "leases SELECT"] {
        let place = if table.starts_with("leases") { "topic, partition, " } else { "" };
        let from = if place.is_empty() { "" } else { "FROM broker.partitions" };
        let insert = format!("INSERT INTO broker.{table} 'group', {place}$1, now() + interval '1 hour' {from}");
        db.execute(&insert, &[&gone]).await.unwrap();
    }
    assert_eq!(settle(&mut members).await[0].len(), 4, "the live member does not have all partitions");
}
