//! The promises of the relay, with the broker over PostgreSQL.

use crate::{
    consuming::TOPIC,
    fixture::{END, Fixture, PATIENT, bus},
    model::{AccountId, Deposit, Open},
    proxy::{Mode, Proxy},
};
use futures_util::future::join_all;
use seedwork::{
    application::Cause,
    infrastructure::{
        broker::{
            Broker, Delivery, PgBroker, PositionLookup, PublishError, Publisher, Record, RelayCursor, TopicReader,
            Watermarks,
        },
        postgres::Database,
        relay::{Relay, RelayState},
        supervise::Supervisor,
    },
    testing::eventually,
};
use std::{collections::HashMap, time::Duration};
use tokio::sync::watch;

async fn relay(fixture: &Fixture, supervisor: &Supervisor) -> watch::Receiver<RelayState> {
    let (registry, log) = (fixture.registry().await, fixture.bus.factory().log());
    Relay::start(fixture.own(), fixture.broker(), registry, log, supervisor)
}

fn cursor(state: &RelayState) -> Option<i64> {
    state.progress.map(|progress| progress.cursor)
}

async fn sees<'a>(
    state: &'a mut watch::Receiver<RelayState>,
    what: impl FnMut(&RelayState) -> bool,
) -> watch::Ref<'a, RelayState> {
    tokio::time::timeout(END, state.wait_for(what)).await.expect("the state is not reached in time").unwrap()
}

fn withheld(state: &watch::Receiver<RelayState>) -> Option<i64> {
    state.borrow().progress.map(|progress| progress.withheld)
}

/// Waits for this many messages on the topic and returns them. Fails if one is missing, repeated or out of order.
async fn delivered(fixture: &Fixture, expected: usize) -> Vec<Delivery> {
    let broker = fixture.broker();
    let held = async || broker.ensure_topic(TOPIC).await.unwrap().iter().map(|watermarks| watermarks.high).sum::<i64>();
    eventually("all messages are delivered", || async { (held().await >= expected as i64).then_some(()) }).await;
    let mut reader = broker.read(TOPIC, &[0; 4]).await.unwrap();
    let mut all = Vec::new();
    while all.len() < held().await as usize {
        all.extend(reader.next().await.unwrap());
    }
    assert_eq!(all.len(), expected, "a message was delivered twice");
    let mut next: HashMap<i32, i64> = HashMap::new();
    for delivery in &all {
        let next = next.entry(delivery.partition.number).or_default();
        assert_eq!(delivery.offset, *next, "the offsets have a gap");
        *next += 1;
    }
    let mut last: HashMap<Vec<u8>, i64> = HashMap::new();
    for delivery in &all {
        let version: i64 = header(delivery, "ce_aggregateversion").parse().unwrap();
        let before = last.insert(delivery.key.clone().unwrap(), version).unwrap_or(0);
        assert_eq!(version, before + 1, "messages of a key are out of order");
    }
    all
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> &'a str {
    let found = delivery.headers.iter().find(|(known, _)| known == name);
    std::str::from_utf8(&found.unwrap_or_else(|| panic!("no header {name} in {delivery:?}")).1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_messages_are_published_once_and_in_order() {
    let fixture = Fixture::open().await;
    let _state = relay(&fixture, &fixture.supervisor).await;
    let ids: Vec<_> = (0..50).map(|_| AccountId::new()).collect();
    let opened = ids.iter().enumerate().map(|(n, id)| fixture.give(Open { id: *id, email: format!("{n}") }));
    assert!(join_all(opened).await.iter().all(Result::is_ok));
    assert!(join_all(ids.iter().map(|id| fixture.give(Deposit { id: *id }))).await.iter().all(Result::is_ok));
    delivered(&fixture, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_the_cloudevents_attributes_and_the_schema_s_id() {
    let fixture = Fixture::open().await;
    let _state = relay(&fixture, &fixture.supervisor).await;
    let id = AccountId::new();
    let cause = Cause { causation_id: Some("m-1".into()), ..Cause::correlated("c-1".into()) };
    fixture.bus.dispatch(Open { id, email: "one".into() }, &cause).await.unwrap();
    let all = delivered(&fixture, 1).await;
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_source", "/sta/engine"),
        ("ce_type", "sta.clientes.v1.ClienteDesactivado"),
        ("ce_subject", &id.to_string()),
        ("ce_sequence", "1"),
        ("ce_aggregateversion", "1"),
        ("ce_correlationid", "c-1"),
        ("ce_causationid", "m-1"),
        ("content-type", "application/avro"),
    ];
    for (name, value) in expected {
        assert_eq!(header(&all[0], name), value);
    }
    assert!(header(&all[0], "ce_id").parse::<uuid::Uuid>().is_ok());
    assert!(chrono::DateTime::parse_from_rfc3339(header(&all[0], "ce_time")).is_ok());
    let value = all[0].value.as_ref().unwrap();
    let registry = fixture.registry().await;
    let schema_id = i32::from_be_bytes(value[1..5].try_into().unwrap());
    let schema = registry.schema(schema_id).await.unwrap().unwrap();
    let json = seedwork::infrastructure::avro::to_json(&schema, &value[5..]).unwrap();
    assert_eq!((value[0], json["id_cliente"].as_str()), (0, Some(id.to_string().as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_relays_and_another_takes_over_when_it_ends() {
    let fixture = Fixture::open().await;
    let (first, second) = (Supervisor::new(), Supervisor::new());
    let mut one = relay(&fixture, &first).await;
    one.wait_for(|state| state.is_leader).await.unwrap();
    let mut two = relay(&fixture, &second).await;
    for n in 0..20 {
        fixture.give(Open { id: AccountId::new(), email: format!("{n}") }).await.unwrap();
    }
    assert!(!two.borrow().is_leader);
    assert!(first.stop(END).await);
    two.wait_for(|state| state.is_leader).await.unwrap();
    for n in 20..40 {
        fixture.give(Open { id: AccountId::new(), email: format!("{n}") }).await.unwrap();
    }
    delivered(&fixture, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_lost_its_lease_publishes_nothing_more() {
    let fixture = Fixture::open().await;
    let mut state = relay(&fixture, &fixture.supervisor).await;
    state.wait_for(|state| state.is_leader).await.unwrap();
    // Another process takes the lease, as after the term of a frozen one.
    let thief = "UPDATE relay SET epoch = epoch + 100, expires_at = clock_timestamp() + interval '3 seconds'";
    fixture.look().await.batch_execute(thief).await.unwrap();
    fixture.give(Open { id: AccountId::new(), email: "one".into() }).await.unwrap();
    state.wait_for(|state| !state.is_leader).await.unwrap();
    let broker = fixture.broker();
    let extents = broker.ensure_topic(TOPIC).await.unwrap();
    assert!(extents.iter().all(|watermarks| watermarks.high == 0), "a message was published without the lease");
    state.wait_for(|state| state.is_leader).await.unwrap();
    delivered(&fixture, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_log_and_a_cursor_beyond_it_stop_the_relay() {
    let fixture = Fixture::open().await;
    for n in 0..10 {
        fixture.give(Open { id: AccountId::new(), email: format!("{n}") }).await.unwrap();
    }
    let db = fixture.look().await;
    db.batch_execute("DELETE FROM outbox WHERE seq = 6").await.unwrap();
    let _state = relay(&fixture, &fixture.supervisor).await;
    eventually("the relay stands still before the hole", || async {
        let row = db.query_one("SELECT epoch, seq FROM relay", &[]).await.unwrap();
        (row.get::<_, i64>(0) > 2).then(|| assert!(row.get::<_, i64>(1) < 6))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_another_process_wake_the_relay() {
    let fixture = Fixture::open().await;
    let mut state = relay(&fixture, &fixture.supervisor).await;
    state.wait_for(|state| state.is_leader).await.unwrap();
    let rival = Supervisor::new();
    let other = bus(&fixture.own(), PATIENT, &rival);
    let (registry, log) = (fixture.registry().await, other.factory().log());
    let _stands_by = Relay::start(fixture.own(), fixture.broker(), registry, log, &rival);
    let asked = std::time::Instant::now();
    for n in 0..20 {
        other.dispatch(Open { id: AccountId::new(), email: format!("{n}") }, &Cause::new()).await.unwrap();
        delivered(&fixture, n + 1).await;
    }
    // A relay that is not woken looks once a second.
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_dated_in_the_future_is_not_believed() {
    let fixture = Fixture::open().await;
    let db = fixture.look().await;
    // The clock of the database was an hour ahead when the lease was taken.
    let future = "UPDATE relay SET epoch = 7, expires_at = clock_timestamp() + interval '1 hour'";
    db.batch_execute(future).await.unwrap();
    fixture.give(Open { id: AccountId::new(), email: "one".into() }).await.unwrap();
    let mut state = relay(&fixture, &fixture.supervisor).await;
    sees(&mut state, |state| state.is_leader).await;
    delivered(&fixture, 1).await;
    // A lease no longer than its term is believed.
    let valid = "UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + interval '4.9 seconds' \
                 RETURNING epoch";
    let taken: i64 = db.query_one(valid, &[]).await.unwrap().get(0);
    state.wait_for(|state| !state.is_leader).await.unwrap();
    let epoch: i64 = db.query_one("SELECT epoch FROM relay", &[]).await.unwrap().get(0);
    assert_eq!(epoch, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_sees_the_progress_of_the_relay() {
    let fixture = Fixture::open().await;
    let db = fixture.look().await;
    let held = "UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + interval '4.9 seconds'";
    db.batch_execute(held).await.unwrap();
    for n in 0..3 {
        fixture.give(Open { id: AccountId::new(), email: format!("{n}") }).await.unwrap();
    }
    let own = fixture.own();
    let mut announces =
        seedwork::infrastructure::relay::notify_commits(own, fixture.bus.factory().log(), &fixture.supervisor);
    let mut stands_by = relay(&fixture, &fixture.supervisor).await;
    // Another process has the lease and relays nothing.
    for state in [&mut announces, &mut stands_by] {
        let seen = *sees(state, |state| state.progress.is_some()).await;
        let progress = seen.progress.unwrap();
        assert_eq!((seen.is_leader, progress.last, progress.cursor, progress.withheld), (false, 3, 0, 0));
        assert!(progress.oldest.is_some());
    }
    // Then one of these relays, and the other sees the progress, too.
    for state in [&mut stands_by, &mut announces] {
        let done = *sees(state, |state| cursor(state) == Some(3)).await;
        assert_eq!(done.progress.unwrap().oldest, None);
    }
    assert!(stands_by.borrow().is_leader && !announces.borrow().is_leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_unknown_while_the_database_is_away() {
    let fixture = Fixture::open().await;
    let proxy = Proxy::before(fixture.database.url()).await;
    let behind = Database::new(&proxy.url(fixture.database.url()), "engine").unwrap();
    let mut state =
        seedwork::infrastructure::relay::notify_commits(behind, fixture.bus.factory().log(), &fixture.supervisor);
    assert_eq!(state.borrow().progress, None);
    sees(&mut state, |state| cursor(state) == Some(0)).await;
    proxy.set(Mode::Refuse);
    sees(&mut state, |state| state.progress.is_none()).await;
    proxy.set(Mode::Pass);
    sees(&mut state, |state| cursor(state) == Some(0)).await;
}

/// A broker that refuses the second message of one key, as a cluster refuses a record that is too large.
#[derive(Clone)]
struct Strict {
    broker: PgBroker,
    refused: String,
}

struct StrictPublisher(<PgBroker as Broker>::Publisher, String);

impl Publisher for StrictPublisher {
    async fn publish(
        &mut self,
        records: &[(i64, Record)],
        to: i64,
        cursor: &mut impl RelayCursor,
    ) -> Result<usize, PublishError> {
        let version = |record: &Record| {
            let found = record.headers.iter().find(|(name, _)| name == "ce_aggregateversion");
            found.map_or(0, |(_, version)| version.parse::<i64>().unwrap())
        };
        match records.iter().any(|(_, record)| record.key == self.1 && version(record) == 2) {
            true => Err(PublishError::Rejected("too large".into())),
            false => self.0.publish(records, to, cursor).await,
        }
    }

    async fn flush(&mut self, cursor: &mut impl RelayCursor) -> Result<bool, PublishError> {
        self.0.flush(cursor).await
    }

    async fn purge(&mut self, cursor: &mut impl RelayCursor) {
        self.0.purge(cursor).await;
    }
}

impl Broker for Strict {
    type Publisher = StrictPublisher;
    type Subscriber = <PgBroker as Broker>::Subscriber;
    type Reader = <PgBroker as Broker>::Reader;

    const NAME: &'static str = "strict";

    async fn watermarks(&self, topic: &str) -> anyhow::Result<Option<Vec<Watermarks>>> {
        self.broker.watermarks(topic).await
    }

    async fn ensure_topic(&self, topic: &str) -> anyhow::Result<Vec<Watermarks>> {
        self.broker.ensure_topic(topic).await
    }

    async fn publisher(&self, cursor: &impl RelayCursor) -> anyhow::Result<StrictPublisher> {
        Ok(StrictPublisher(self.broker.publisher(cursor).await?, self.refused.clone()))
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
        self.broker.subscribe(group, topics, from).await
    }

    async fn read(&self, topic: &str, from: &[i64]) -> anyhow::Result<Self::Reader> {
        self.broker.read(topic, from).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_refuses_is_withheld_with_its_successors_and_stops_no_other_key() {
    let fixture = Fixture::open().await;
    let (refused, other) = (AccountId::new(), AccountId::new());
    for id in [refused, other] {
        fixture.give(Open { id, email: id.to_string() }).await.unwrap();
    }
    for _ in 0..3 {
        fixture.give(Deposit { id: refused }).await.unwrap();
        fixture.give(Deposit { id: other }).await.unwrap();
    }
    let strict = Strict { broker: fixture.broker(), refused: refused.to_string() };
    let registry = fixture.registry().await;
    let start = |supervisor: &Supervisor| {
        Relay::start(fixture.own(), strict.clone(), registry.clone(), fixture.bus.factory().log(), supervisor)
    };
    let first = Supervisor::new();
    let mut state = start(&first);
    state.wait_for(|state| cursor(state) == Some(8)).await.unwrap();
    assert_eq!(withheld(&state), Some(3), "withheld are the refused message and its two successors");
    // Withheld messages survive a restart.
    assert!(first.stop(END).await);
    fixture.give(Deposit { id: refused }).await.unwrap();
    fixture.give(Deposit { id: other }).await.unwrap();
    let mut state = start(&fixture.supervisor);
    state.wait_for(|state| cursor(state) == Some(10)).await.unwrap();
    assert_eq!(withheld(&state), Some(4));
    let delivered = delivered(&fixture, 6).await;
    let of = |id: AccountId| {
        delivered.iter().filter(|delivery| delivery.key.as_deref() == Some(id.to_string().as_bytes())).count()
    };
    assert_eq!((of(refused), of(other)), (1, 5));
    let rows = fixture.look().await.query("SELECT seq, reason FROM withheld ORDER BY seq", &[]).await.unwrap();
    let reasons: Vec<(i64, bool)> = rows.iter().map(|row| (row.get(0), row.get::<_, &str>(1) == "too large")).collect();
    assert_eq!(reasons, [(3, true), (5, false), (7, false), (9, false)]);
}
