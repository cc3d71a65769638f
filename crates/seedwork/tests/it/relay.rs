//! What the relay promises, with the broker over PostgreSQL.

use crate::{
    model::{Abonar, Abrir, Banco, CuentaId, END, PATIENT, bus, connect},
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
        schema_registry::Registry,
        supervise::Supervisor,
    },
    testing::eventually,
};
use std::{collections::HashMap, time::Duration};
use tokio::sync::watch;

const TOPIC: &str = "eventos-ingesta";

async fn relay(banco: &Banco, supervisor: &Supervisor) -> watch::Receiver<RelayState> {
    let shared = banco.database.context("broker").unwrap();
    let registry = Registry::open(shared.clone()).await.unwrap();
    let own = banco.database.context("pruebas").unwrap();
    Relay::start(own, PgBroker::new(shared, 4), registry, banco.bus.factory().log(), supervisor)
}

fn cursor(state: &RelayState) -> Option<i64> {
    state.progress.map(|progress| progress.cursor)
}

async fn sees<'a>(
    state: &'a mut watch::Receiver<RelayState>,
    what: impl FnMut(&RelayState) -> bool,
) -> watch::Ref<'a, RelayState> {
    tokio::time::timeout(END, state.wait_for(what)).await.expect("it is seen").unwrap()
}

fn withheld(state: &watch::Receiver<RelayState>) -> Option<i64> {
    state.borrow().progress.map(|progress| progress.withheld)
}

/// Everything on the topic, when there is as much as is expected; seen to be in order, without gap or repetition.
async fn delivered(banco: &Banco, expected: usize) -> Vec<Delivery> {
    let broker = PgBroker::new(banco.database.context("broker").unwrap(), 4);
    let held = async || broker.ensure_topic(TOPIC).await.unwrap().iter().map(|watermarks| watermarks.high).sum::<i64>();
    eventually("everything is delivered", || async { (held().await >= expected as i64).then_some(()) }).await;
    let mut reader = broker.read(TOPIC, &[0; 4]).await.unwrap();
    let mut all = Vec::new();
    while all.len() < held().await as usize {
        all.extend(reader.next().await.unwrap());
    }
    assert_eq!(all.len(), expected, "each message once");
    let mut next: HashMap<i32, i64> = HashMap::new();
    for delivery in &all {
        let next = next.entry(delivery.partition.number).or_default();
        assert_eq!(delivery.offset, *next, "offsets have no gap");
        *next += 1;
    }
    let mut last: HashMap<Vec<u8>, i64> = HashMap::new();
    for delivery in &all {
        let version: i64 = header(delivery, "ce_aggregateversion").parse().unwrap();
        let before = last.insert(delivery.key.clone().unwrap(), version).unwrap_or(0);
        assert_eq!(version, before + 1, "a key's messages are in order");
    }
    all
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> &'a str {
    let found = delivery.headers.iter().find(|(known, _)| known == name);
    std::str::from_utf8(&found.unwrap_or_else(|| panic!("no header {name} in {delivery:?}")).1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_published_once_and_in_order() {
    let banco = Banco::open().await;
    let _state = relay(&banco, &banco.supervisor).await;
    let ids: Vec<_> = (0..50).map(|_| CuentaId::new()).collect();
    let opened = ids.iter().enumerate().map(|(n, id)| banco.give(Abrir { id: *id, email: format!("{n}") }));
    assert!(join_all(opened).await.iter().all(Result::is_ok));
    assert!(join_all(ids.iter().map(|id| banco.give(Abonar { id: *id }))).await.iter().all(Result::is_ok));
    delivered(&banco, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_the_cloudevents_attributes_and_the_schema_s_id() {
    let banco = Banco::open().await;
    let _state = relay(&banco, &banco.supervisor).await;
    let id = CuentaId::new();
    let cause = Cause { causation_id: Some("m-1".into()), ..Cause::correlated("c-1".into()) };
    banco.bus.dispatch(Abrir { id, email: "una".into() }, &cause).await.unwrap();
    let all = delivered(&banco, 1).await;
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_source", "/sta/pruebas"),
        ("ce_type", "sta.ingesta.v1.IngestaEliminada"),
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
    let registry = Registry::open(banco.database.context("broker").unwrap()).await.unwrap();
    let schema_id = i32::from_be_bytes(value[1..5].try_into().unwrap());
    let schema = registry.schema(schema_id).await.unwrap().unwrap();
    let json = seedwork::infrastructure::avro::to_json(&schema, &value[5..]).unwrap();
    assert_eq!((value[0], json["id_ingesta"].as_str()), (0, Some(id.to_string().as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_relays_and_another_takes_over_when_it_ends() {
    let banco = Banco::open().await;
    let (first, second) = (Supervisor::new(), Supervisor::new());
    let mut one = relay(&banco, &first).await;
    one.wait_for(|state| state.is_leader).await.unwrap();
    let mut two = relay(&banco, &second).await;
    for n in 0..20 {
        banco.give(Abrir { id: CuentaId::new(), email: format!("{n}") }).await.unwrap();
    }
    assert!(!two.borrow().is_leader);
    assert!(first.stop(END).await);
    two.wait_for(|state| state.is_leader).await.unwrap();
    for n in 20..40 {
        banco.give(Abrir { id: CuentaId::new(), email: format!("{n}") }).await.unwrap();
    }
    delivered(&banco, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_lost_its_lease_publishes_nothing_more() {
    let banco = Banco::open().await;
    let mut state = relay(&banco, &banco.supervisor).await;
    state.wait_for(|state| state.is_leader).await.unwrap();
    // Somebody else takes the lease, as after the term of a frozen process.
    let thief = "UPDATE relay SET epoch = epoch + 100, expires_at = clock_timestamp() + interval '3 seconds'";
    connect(banco.database.url()).await.batch_execute(thief).await.unwrap();
    banco.give(Abrir { id: CuentaId::new(), email: "una".into() }).await.unwrap();
    state.wait_for(|state| !state.is_leader).await.unwrap();
    let broker = PgBroker::new(banco.database.context("broker").unwrap(), 4);
    let watermarks = broker.ensure_topic(TOPIC).await.unwrap();
    assert!(watermarks.iter().all(|watermarks| watermarks.high == 0), "nothing was published without the lease");
    state.wait_for(|state| state.is_leader).await.unwrap();
    delivered(&banco, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_log_and_a_cursor_beyond_it_stop_the_relay() {
    let banco = Banco::open().await;
    for n in 0..10 {
        banco.give(Abrir { id: CuentaId::new(), email: format!("{n}") }).await.unwrap();
    }
    let db = connect(banco.database.url()).await;
    db.batch_execute("DELETE FROM outbox WHERE seq = 6").await.unwrap();
    let _state = relay(&banco, &banco.supervisor).await;
    eventually("it stands before the hole", || async {
        let row = db.query_one("SELECT epoch, seq FROM relay", &[]).await.unwrap();
        (row.get::<_, i64>(0) > 2).then(|| assert!(row.get::<_, i64>(1) < 6))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_another_process_wake_the_relay() {
    let banco = Banco::open().await;
    let mut state = relay(&banco, &banco.supervisor).await;
    state.wait_for(|state| state.is_leader).await.unwrap();
    let rival = Supervisor::new();
    let other = bus(&banco.database.context("pruebas").unwrap(), PATIENT, &rival);
    let shared = banco.database.context("broker").unwrap();
    let registry = Registry::open(shared.clone()).await.unwrap();
    let own = banco.database.context("pruebas").unwrap();
    let _stands_by = Relay::start(own, PgBroker::new(shared, 4), registry, other.factory().log(), &rival);
    let asked = std::time::Instant::now();
    for n in 0..20 {
        other.dispatch(Abrir { id: CuentaId::new(), email: format!("{n}") }, &Cause::new()).await.unwrap();
        delivered(&banco, n + 1).await;
    }
    // Without being woken, it looks once a second.
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_dated_in_the_future_is_not_believed() {
    let banco = Banco::open().await;
    let db = connect(banco.database.url()).await;
    // The database's clock was an hour ahead when somebody took it.
    let future = "UPDATE relay SET epoch = 7, expires_at = clock_timestamp() + interval '1 hour'";
    db.batch_execute(future).await.unwrap();
    banco.give(Abrir { id: CuentaId::new(), email: "una".into() }).await.unwrap();
    let mut state = relay(&banco, &banco.supervisor).await;
    sees(&mut state, |state| state.is_leader).await;
    delivered(&banco, 1).await;
    // One that is as long as its term is believed.
    let valid = "UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + interval '4.9 seconds' \
                 RETURNING epoch";
    let taken: i64 = db.query_one(valid, &[]).await.unwrap().get(0);
    state.wait_for(|state| !state.is_leader).await.unwrap();
    let epoch: i64 = db.query_one("SELECT epoch FROM relay", &[]).await.unwrap().get(0);
    assert_eq!(epoch, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_sees_the_progress_whichever_relays() {
    let banco = Banco::open().await;
    let db = connect(banco.database.url()).await;
    let held = "UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + interval '4.9 seconds'";
    db.batch_execute(held).await.unwrap();
    for n in 0..3 {
        banco.give(Abrir { id: CuentaId::new(), email: format!("{n}") }).await.unwrap();
    }
    let own = banco.database.context("pruebas").unwrap();
    let mut announces =
        seedwork::infrastructure::relay::notify_commits(own, banco.bus.factory().log(), &banco.supervisor);
    let mut stands_by = relay(&banco, &banco.supervisor).await;
    // Somebody else has the lease, and relays nothing.
    for state in [&mut announces, &mut stands_by] {
        let seen = *sees(state, |state| state.progress.is_some()).await;
        let progress = seen.progress.unwrap();
        assert_eq!((seen.is_leader, progress.last, progress.cursor, progress.withheld), (false, 3, 0, 0));
        assert!(progress.oldest.is_some());
    }
    // Then one of them relays, and the other sees it, too.
    for state in [&mut stands_by, &mut announces] {
        let done = *sees(state, |state| cursor(state) == Some(3)).await;
        assert_eq!(done.progress.unwrap().oldest, None);
    }
    assert!(stands_by.borrow().is_leader && !announces.borrow().is_leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_unknown_while_the_database_is_away() {
    let banco = Banco::open().await;
    let proxy = Proxy::before(banco.database.url()).await;
    let behind = Database::new(&proxy.url(banco.database.url()), "pruebas").unwrap();
    let mut state =
        seedwork::infrastructure::relay::notify_commits(behind, banco.bus.factory().log(), &banco.supervisor);
    assert_eq!(state.borrow().progress, None);
    sees(&mut state, |state| cursor(state) == Some(0)).await;
    proxy.set(Mode::Refuse);
    sees(&mut state, |state| state.progress.is_none()).await;
    proxy.set(Mode::Pass);
    sees(&mut state, |state| cursor(state) == Some(0)).await;
}

/// A broker that refuses what one key says from some message on, as a cluster does with what is too large for it.
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
async fn what_the_broker_refuses_is_withheld_with_its_successors_and_stops_nobody_else() {
    let banco = Banco::open().await;
    let (refused, other) = (CuentaId::new(), CuentaId::new());
    for id in [refused, other] {
        banco.give(Abrir { id, email: id.to_string() }).await.unwrap();
    }
    for _ in 0..3 {
        banco.give(Abonar { id: refused }).await.unwrap();
        banco.give(Abonar { id: other }).await.unwrap();
    }
    let shared = banco.database.context("broker").unwrap();
    let registry = Registry::open(shared.clone()).await.unwrap();
    let own = banco.database.context("pruebas").unwrap();
    let strict = Strict { broker: PgBroker::new(shared, 4), refused: refused.to_string() };
    let start = |supervisor: &Supervisor| {
        Relay::start(own.clone(), strict.clone(), registry.clone(), banco.bus.factory().log(), supervisor)
    };
    let first = Supervisor::new();
    let mut state = start(&first);
    state.wait_for(|state| cursor(state) == Some(8)).await.unwrap();
    assert_eq!(withheld(&state), Some(3), "the one that is refused, and the two of its key that follow");
    // Over a restart, too.
    assert!(first.stop(END).await);
    banco.give(Abonar { id: refused }).await.unwrap();
    banco.give(Abonar { id: other }).await.unwrap();
    let mut state = start(&banco.supervisor);
    state.wait_for(|state| cursor(state) == Some(10)).await.unwrap();
    assert_eq!(withheld(&state), Some(4));
    let delivered = delivered(&banco, 6).await;
    let of = |id: CuentaId| {
        delivered.iter().filter(|delivery| delivery.key.as_deref() == Some(id.to_string().as_bytes())).count()
    };
    assert_eq!((of(refused), of(other)), (1, 5));
    let rows =
        connect(banco.database.url()).await.query("SELECT seq, reason FROM withheld ORDER BY seq", &[]).await.unwrap();
    let reasons: Vec<(i64, bool)> = rows.iter().map(|row| (row.get(0), row.get::<_, &str>(1) == "too large")).collect();
    assert_eq!(reasons, [(3, true), (5, false), (7, false), (9, false)]);
}
