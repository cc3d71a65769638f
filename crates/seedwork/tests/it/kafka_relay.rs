//! The relay over a Kafka that is slow or refuses records, on librdkafka's mock.

use crate::{
    consuming::TOPIC,
    fixture::{END, Fixture},
    model::{AccountId, Deposit, Open},
};
use futures_util::future::join_all;
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use seedwork::{
    infrastructure::{
        broker::{Broker, KafkaBroker, PublishError, Publisher, Record},
        postgres::Database,
        relay::{Lease, Relay, RelayState},
    },
    testing::broker::{kafka_settings, lease},
};
use std::time::{Duration, Instant};
use tokio::sync::watch;

const PARTITIONS: i32 = 4;

/// A context whose relay publishes to a cluster.
struct RelayWorld {
    cluster: MockCluster<'static, DefaultProducerContext>,
    fixture: Fixture,
    broker: KafkaBroker,
}

impl RelayWorld {
    async fn open() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
        let fixture = Fixture::open().await;
        let broker = KafkaBroker::new(kafka_settings(cluster.bootstrap_servers()), fixture.shared());
        Self { cluster, fixture, broker }
    }

    fn own(&self) -> Database {
        self.fixture.own()
    }

    async fn relay(&self) -> watch::Receiver<RelayState> {
        let registry = self.fixture.registry().await;
        let log = self.fixture.bus.factory().log();
        Relay::start(self.own(), self.broker.clone(), registry, log, &self.fixture.supervisor)
    }

    async fn events(&self, count: usize) {
        let id = AccountId::new();
        self.fixture.give(Open { id, email: id.to_string() }).await.unwrap();
        assert!(join_all((1..count).map(|_| self.fixture.give(Deposit { id }))).await.iter().all(Result::is_ok));
    }

    async fn held(&self) -> i64 {
        self.broker.ensure_topic(TOPIC).await.unwrap().iter().map(|watermarks| watermarks.high).sum()
    }
}

fn record(key: &str, n: usize) -> Record {
    Record {
        topic: TOPIC.into(),
        key: key.into(),
        time: chrono::DateTime::UNIX_EPOCH,
        headers: Vec::new(),
        value: vec![u8::try_from(n % 256).unwrap(); 100],
    }
}

/// Hands records to a publisher until it has accepted all of them.
async fn hand_over<P: Publisher>(
    publisher: &mut P,
    records: &[(i64, Record)],
    lease: &mut Lease,
) -> Result<(), PublishError> {
    let (mut rest, to) = (records, records.last().unwrap().0);
    while !rest.is_empty() {
        rest = &rest[publisher.publish(rest, to, lease).await?..];
    }
    Ok(())
}

/// Hands records to a publisher and waits until all are safe.
async fn deliver<P: Publisher>(
    publisher: &mut P,
    records: &[(i64, Record)],
    lease: &mut Lease,
) -> Result<(), PublishError> {
    hand_over(publisher, records, lease).await?;
    while !publisher.flush(lease).await? {}
    Ok(())
}

async fn reaches(state: &mut watch::Receiver<RelayState>, cursor: i64) {
    let reached = state.wait_for(|state| state.progress.is_some_and(|progress| progress.cursor == cursor));
    tokio::time::timeout(END * 3, reached).await.expect("the cursor moves").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_moves_with_a_round_trip_of_five_seconds() {
    let world = RelayWorld::open().await;
    // Looking at the topic takes longer than the lease lasts.
    world.cluster.broker_round_trip_time(1, Duration::from_millis(1_500)).unwrap();
    let mut state = world.relay().await;
    world.events(1).await;
    reaches(&mut state, 1).await;
    world.cluster.broker_round_trip_time(1, Duration::from_secs(5)).unwrap();
    world.events(9).await;
    reaches(&mut state, 10).await;
    assert!(state.borrow().is_leader);
    world.cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    assert_eq!(world.held().await, 10, "a record was sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_is_stored_ten_times_a_second_at_most() {
    let world = RelayWorld::open().await;
    let db = world.fixture.look().await;
    db.batch_execute(
        "CREATE TABLE moves (seq bigint); \
         CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = engine AS \
         'BEGIN INSERT INTO moves VALUES (NEW.seq); RETURN NEW; END'; \
         CREATE TRIGGER moves BEFORE UPDATE OF seq ON relay FOR EACH ROW WHEN (NEW.seq > OLD.seq) \
         EXECUTE FUNCTION note_move()",
    )
    .await
    .unwrap();
    let mut lease = lease(&world.own()).await;
    let mut publisher = world.broker.publisher(&lease).await.unwrap();
    let began = Instant::now();
    // The relay does the same when messages come one by one.
    for n in 1..=300 {
        hand_over(&mut publisher, &[(n, record("one", 1))], &mut lease).await.unwrap();
        publisher.flush(&mut lease).await.unwrap();
        lease.renew_if_due().await.unwrap();
    }
    while !publisher.flush(&mut lease).await.unwrap() {}
    lease.store_if_moved().await.unwrap();
    let most = 2 + began.elapsed().as_millis() / 100;
    let row = db.query_one("SELECT (SELECT seq FROM relay), (SELECT count(*) FROM moves)", &[]).await.unwrap();
    let (cursor, moves): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(cursor, 300);
    assert!(u128::try_from(moves).unwrap() <= most, "{moves} moves were stored in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_s_first_record_goes_alone_under_a_new_producer() {
    let world = RelayWorld::open().await;
    let mut lease = lease(&world.own()).await;
    // Round trips are long enough to see the records in flight.
    world.cluster.broker_round_trip_time(1, Duration::from_millis(300)).unwrap();
    for first in [1, 11] {
        let mut publisher = world.broker.publisher(&lease).await.unwrap();
        let records: Vec<_> = (first..).zip((0..10).map(|n| record("one", n))).collect();
        let mut taken = 0;
        // The publisher looks at the topic first.
        while taken == 0 {
            taken = publisher.publish(&records, first + 9, &mut lease).await.unwrap();
        }
        assert_eq!(taken, 1, "a second record went before the first was acknowledged");
        // The first record of another partition does not wait.
        let other = ["two", "three", "four", "five"].map(|key| (first + 1, record(key, 0)));
        let elsewhere = async {
            let mut taken = 0;
            for record in &other {
                taken += publisher.publish(std::slice::from_ref(record), first + 1, &mut lease).await.unwrap();
            }
            taken
        };
        assert!(elsewhere.await > 0);
        deliver(&mut publisher, &records[1..], &mut lease).await.unwrap();
        // The partition is known now: two records go together.
        assert_eq!(publisher.publish(&records[..2], first + 9, &mut lease).await.unwrap(), 2);
        while !publisher.flush(&mut lease).await.unwrap() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_leaves_the_cursor_behind_what_was_acknowledged() {
    let world = RelayWorld::open().await;
    let mut lease = lease(&world.own()).await;
    let mut publisher = world.broker.publisher(&lease).await.unwrap();
    let ok = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    world.cluster.request_errors(RDKafkaApiKey::Produce, &[ok, refused]);
    let records: Vec<_> = (1..).zip((0..10).map(|n| record("one", n))).collect();
    let failed = deliver(&mut publisher, &records, &mut lease).await.unwrap_err();
    assert!(matches!(failed, PublishError::Rejected(_)), "{failed}");
    assert_eq!((lease.cursor(), world.held().await), (1, 1));
    // The next publisher continues there.
    let mut publisher = world.broker.publisher(&lease).await.unwrap();
    deliver(&mut publisher, &records[1..], &mut lease).await.unwrap();
    assert_eq!((lease.cursor(), world.held().await), (10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_time_withholds_nothing_and_names_the_clocks() {
    let world = RelayWorld::open().await;
    let mut lease = lease(&world.own()).await;
    let mut publisher = world.broker.publisher(&lease).await.unwrap();
    world.cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP]);
    let failed = deliver(&mut publisher, &[(1, record("one", 1))], &mut lease).await.unwrap_err();
    assert!(matches!(failed, PublishError::Failed(_)) && failed.to_string().contains("clock"), "{failed}");
    assert_eq!(lease.cursor(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_for_a_segment_is_halved_and_a_record_that_is_alone_is_refused() {
    let world = RelayWorld::open().await;
    let mut lease = lease(&world.own()).await;
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
    let large = Record { value: vec![7; 300_000], ..record("one", 1) };
    // Batches of 1,000,000, 500,000 and 250,000 bytes: the last limit is below the record, so it is sent alone.
    for attempt in 1..=3 {
        let mut publisher = world.broker.publisher(&lease).await.unwrap();
        world.cluster.request_errors(RDKafkaApiKey::Produce, &[too_large]);
        let failed = deliver(&mut publisher, &[(1, large.clone())], &mut lease).await.unwrap_err();
        match attempt {
            3 => assert!(matches!(failed, PublishError::Rejected(_)), "{failed}"),
            _ => assert!(matches!(failed, PublishError::BatchTooLarge(_)), "{failed}"),
        }
    }
}
