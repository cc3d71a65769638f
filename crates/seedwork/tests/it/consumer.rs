//! What the consumer promises: one effect a message, in order by key, whatever the messages are and whatever breaks.

use crate::model::{Banco, END, Faults, HASTY, Handlers, Hecho, connect};
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
        schema_registry::Registry,
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
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) const TOPIC: &str = "eventos-ingesta";

/// A process that consumes.
pub(crate) struct Oyente {
    supervisor: Supervisor,
    pub(crate) faults: Arc<Faults>,
    pub(crate) state: watch::Receiver<ConsumerState>,
}

impl Oyente {
    pub(crate) async fn start(banco: &Banco) -> Self {
        Self::subscribe(banco, broker(banco)).await
    }

    pub(crate) async fn subscribe(banco: &Banco, broker: impl Broker) -> Self {
        Self::with(banco, broker, HASTY).await
    }

    pub(crate) async fn with(banco: &Banco, broker: impl Broker, settings: CommitterSettings) -> Self {
        let (supervisor, handlers) = (Supervisor::new(), Handlers::default());
        let faults = Arc::clone(&handlers.0);
        let own = banco.database.context("pruebas").unwrap();
        let bus = Arc::new(CommandBus::new(handlers, PgUnitOfWorkFactory::start(&own, settings, &supervisor)));
        let subscriptions = Subscriptions::builder(bus).on_event::<Hecho>().build().unwrap();
        let registry = Registry::open(banco.database.context("broker").unwrap()).await.unwrap();
        let state = Consumer::start(own, broker, registry, subscriptions, &supervisor);
        Self { supervisor, faults, state }
    }

    pub(crate) async fn stop(self) {
        assert!(self.supervisor.stop(END).await);
    }
}

pub(crate) fn broker(banco: &Banco) -> PgBroker {
    PgBroker::new(banco.database.context("broker").unwrap(), 4)
}

/// The n-th message about something, as a producer sends it.
pub(crate) async fn message(banco: &Banco, id: Uuid, n: u32, message_id: &str) -> Record {
    let (record, body) = avro::encode(&Hecho::new(id, n)).unwrap();
    let registry = Registry::open(banco.database.context("broker").unwrap()).await.unwrap();
    let value = avro::wire(registry.id(TOPIC, record.fingerprint).await.unwrap(), &body);
    let header = |name: &'static str, value: &str| (name.into(), value.to_owned());
    let headers = vec![header("ce_id", message_id), header("ce_source", "/prueba"), header("ce_type", Hecho::TYPE)];
    Record { topic: TOPIC.into(), key: id.to_string(), time: chrono::DateTime::UNIX_EPOCH, headers, value }
}

/// Sends the messages from..=to about each.
pub(crate) async fn send(banco: &Banco, ids: &[Uuid], from: u32, to: u32) {
    let mut all = Vec::new();
    for n in from..=to {
        for id in ids {
            all.push(message(banco, *id, n, &format!("{id}-{n}")).await);
        }
    }
    broker(banco).send(&all).await.unwrap();
}

pub(crate) async fn reaches(banco: &Banco, id: Uuid, count: i64) {
    eventually(&format!("{id} reaches {count}"), || async {
        (banco.saldo(id.into()).await == Some(count)).then_some(())
    })
    .await;
}

pub(crate) async fn parked(banco: &Banco) -> i64 {
    connect(banco.database.url()).await.query_one("SELECT count(*) FROM parked", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_has_one_effect_in_the_order_of_its_key() {
    let banco = Banco::open().await;
    let oyente = Oyente::start(&banco).await;
    let ids: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
    send(&banco, &ids, 1, 15).await;
    for id in &ids {
        reaches(&banco, *id, 15).await;
    }
    assert_eq!(parked(&banco).await, 0);
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_twice_is_one_effect_over_a_restart_and_in_two_processes() {
    let banco = Banco::open().await;
    let id = Uuid::now_v7();
    let (one, two) = (Oyente::start(&banco).await, Oyente::start(&banco).await);
    let first = message(&banco, id, 1, "m-1").await;
    broker(&banco).send(&[first.clone(), first.clone(), first.clone()]).await.unwrap();
    reaches(&banco, id, 1).await;
    one.stop().await;
    two.stop().await;
    broker(&banco).send(&[first, message(&banco, id, 2, "m-2").await]).await.unwrap();
    let again = Oyente::start(&banco).await;
    reaches(&banco, id, 2).await;
    assert_eq!(parked(&banco).await, 0);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_claimed_in_an_older_partition_of_the_inbox_is_known() {
    let banco = Banco::open().await;
    let id = Uuid::now_v7();
    let db = banco.look().await;
    db.batch_execute(
        "CREATE TABLE inbox_old (LIKE inbox INCLUDING ALL); \
         ALTER TABLE inbox ATTACH PARTITION inbox_old FOR VALUES FROM ('2020-01-01Z') TO ('2020-01-02Z'); \
         INSERT INTO inbox VALUES ('/prueba', 'm-1', '2020-01-01 12:00Z', 'applied')",
    )
    .await
    .unwrap();
    let oyente = Oyente::start(&banco).await;
    broker(&banco).send(&[message(&banco, id, 7, "m-1").await, message(&banco, id, 1, "m-2").await]).await.unwrap();
    reaches(&banco, id, 1).await;
    assert_eq!(parked(&banco).await, 0, "the first was no new message, or it would have failed");
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_failing_is_parked_with_its_successors_while_others_flow_and_is_applied_in_order_later() {
    let banco = Banco::open().await;
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    let oyente = Oyente::start(&banco).await;
    oyente.faults.failing.lock().unwrap().insert(bad);
    send(&banco, &[bad, good], 1, 5).await;
    reaches(&banco, good, 5).await;
    eventually("all of the key is parked", || async { (parked(&banco).await == 5).then_some(()) }).await;
    send(&banco, &[bad, good], 6, 7).await;
    reaches(&banco, good, 7).await;
    eventually("what follows is parked too", || async { (parked(&banco).await == 7).then_some(()) }).await;
    assert_eq!(banco.saldo(bad.into()).await, None);
    // Over a restart.
    oyente.stop().await;
    let again = Oyente::start(&banco).await;
    send(&banco, &[bad], 8, 9).await;
    reaches(&banco, bad, 9).await;
    eventually("nothing is parked any more", || async { (parked(&banco).await == 0).then_some(()) }).await;
    send(&banco, &[bad], 10, 10).await;
    reaches(&banco, bad, 10).await;
    again.stop().await;
}

/// Puts a message into the topic as no well-behaved producer would.
pub(crate) async fn raw(banco: &Banco, key: Option<&[u8]>, headers: &str, value: Option<&[u8]>) {
    let db = connect(banco.database.url()).await;
    let next = "UPDATE broker.partitions SET next = next + 1 WHERE topic = $1 AND partition = 0 RETURNING next - 1";
    let offset: i64 = db.query_one(next, &[&TOPIC]).await.unwrap().get(0);
    let insert = "INSERT INTO broker.messages VALUES ($1, 0, $2, now(), $3, $4, $5)";
    db.execute(insert, &[&TOPIC, &offset, &key, &headers, &value]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_poison_stops_a_partition() {
    let banco = Banco::open().await;
    let oyente = Oyente::start(&banco).await;
    let id = Uuid::now_v7();
    send(&banco, &[id], 1, 1).await;
    reaches(&banco, id, 1).await;
    let good = message(&banco, Uuid::now_v7(), 1, "x").await.value;
    let typed = format!("{{\"ce_id\":\"t\",\"ce_source\":\"/prueba\",\"ce_type\":\"{}\"}}", Hecho::TYPE);
    // No wire format, a schema that nobody knows, a body that is none, too much of a body.
    raw(&banco, Some(b"a"), "{}", Some(b"garbage")).await;
    raw(&banco, Some(b"b"), "{}", Some(&[0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3])).await;
    raw(&banco, Some(b"c"), &typed, Some(&good[..9])).await;
    raw(&banco, Some(b"d"), "{\"ce_id\":\"d\",\"ce_source\":\"/prueba\"}", Some(&[&good[..], b"more"].concat())).await;
    // An unknown type, a tombstone: skipped.
    raw(&banco, Some(b"e"), "{\"ce_type\":\"sta.nada.v1.Nada\"}", Some(&good)).await;
    raw(&banco, Some(b"f"), "{}", None).await;
    // NUL in the id, no id and no key: handled all the same.
    let (nul, keyless) = (Uuid::now_v7(), Uuid::now_v7());
    let of = async |id| message(&banco, id, 1, "y").await.value;
    raw(&banco, Some(b"g"), "{\"ce_id\":\"a\\u0000b\",\"ce_source\":\"/prueba\"}", Some(&of(nul).await)).await;
    raw(&banco, None, "{}", Some(&of(keyless).await)).await;
    // A handler that panics.
    let panics = Uuid::now_v7();
    oyente.faults.panicking.lock().unwrap().insert(panics);
    // One whose effect is more than can be said.
    let verbose = Uuid::now_v7();
    oyente.faults.verbose.lock().unwrap().insert(verbose);
    send(&banco, &[panics, verbose], 1, 1).await;
    reaches(&banco, nul, 1).await;
    reaches(&banco, keyless, 1).await;
    let noted = "SELECT type, last >= first, count FROM unheard";
    let unheard =
        eventually("the unknown type is noted", || async { banco.look().await.query_opt(noted, &[]).await.unwrap() })
            .await;
    assert_eq!((unheard.get::<_, &str>(0), unheard.get(1), unheard.get(2)), ("sta.nada.v1.Nada", true, 1_i64));
    eventually("six are parked", || async { (parked(&banco).await == 6).then_some(()) }).await;
    // A schema that nobody knows may be known later.
    let dead = "SELECT count(*) FROM parked WHERE dead AND reason <> ''";
    assert_eq!(banco.look().await.query_one(dead, &[]).await.unwrap().get::<_, i64>(0), 5);
    send(&banco, &[id], 2, 3).await;
    reaches(&banco, id, 3).await;
    // And positions are noted behind all of it.
    let behind =
        "SELECT bool_and(p.\"offset\" = b.next) FROM positions p JOIN broker.partitions b USING (topic, partition)";
    let db = banco.look().await;
    eventually("positions are noted", || async {
        db.query_one(behind, &[]).await.unwrap().get::<_, bool>(0).then_some(())
    })
    .await;
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_known_yet_and_a_defect_are_tried_again() {
    const ID: i32 = 7_000_000;
    let banco = Banco::open().await;
    let (early, defective) = (Uuid::now_v7(), Uuid::now_v7());
    let mut unknown = message(&banco, early, 1, "m-1").await;
    unknown.value[1..5].copy_from_slice(&ID.to_be_bytes());
    // The handler answers that it came out of order, which is a defect.
    let second = message(&banco, defective, 2, "m-2").await;
    broker(&banco).send(&[unknown, second]).await.unwrap();
    let oyente = Oyente::start(&banco).await;
    eventually("both are parked", || async { (parked(&banco).await == 2).then_some(()) }).await;
    let db = banco.look().await;
    let dead: i64 = db.query_one("SELECT count(*) FROM parked WHERE dead", &[]).await.unwrap().get(0);
    assert_eq!(dead, 0);
    // The writer's schema arrives, and so does what was missing; time passes.
    let schema = "INSERT INTO broker.schemas SELECT 7, $1, name, text FROM broker.schemas WHERE name = $2";
    db.execute(schema, &[&ID, &Hecho::TYPE]).await.unwrap();
    db.execute("INSERT INTO cuentas VALUES ($1, 'x', 1, 1)", &[&defective]).await.unwrap();
    db.batch_execute("UPDATE parked SET due_at = now()").await.unwrap();
    reaches(&banco, early, 1).await;
    reaches(&banco, defective, 2).await;
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_counted_against_a_message_while_the_database_is_busy() {
    let banco = Banco::open().await;
    let oyente = Oyente::start(&banco).await;
    let id = Uuid::now_v7();
    send(&banco, &[id], 1, 1).await;
    reaches(&banco, id, 1).await;
    let holder = banco.look().await;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/pruebas', 0))")
        .await
        .unwrap();
    send(&banco, &[id], 2, 4).await;
    // Longer than a message is tried in memory before it is parked.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let (began, db) = (std::time::Instant::now(), banco.look().await);
    eventually("it is tried for a while", || async {
        let waiting: i64 = db.query_one(waits, &[]).await.unwrap().get(0);
        (waiting > 0 && began.elapsed() > Duration::from_secs(5)).then_some(())
    })
    .await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    reaches(&banco, id, 4).await;
    assert_eq!(parked(&banco).await, 0);
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_missing_among_others_is_an_error_and_no_guess() {
    let banco = Banco::open().await;
    let id = Uuid::now_v7();
    let oyente = Oyente::start(&banco).await;
    send(&banco, &[id], 1, 1).await;
    reaches(&banco, id, 1).await;
    oyente.stop().await;
    let db = banco.look().await;
    db.batch_execute("DELETE FROM positions WHERE partition = 2").await.unwrap();
    let mut again = Oyente::start(&banco).await;
    let paused = again.state.wait_for(|state| state.failure.is_some()).await.unwrap().clone();
    assert!(paused.failure.unwrap().contains("has 4 partitions, but positions in 3 are known"));
    let known: i64 = db.query_one("SELECT count(*) FROM positions", &[]).await.unwrap().get(0);
    assert_eq!(known, 3, "no position was made up");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_works_is_tried_with_growing_pauses_and_then_left_to_an_operator() {
    let banco = Banco::open().await;
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    let oyente = Oyente::start(&banco).await;
    oyente.faults.failing.lock().unwrap().insert(bad);
    send(&banco, &[bad], 1, 2).await;
    eventually("both are parked", || async { (parked(&banco).await == 2).then_some(()) }).await;
    let db = banco.look().await;
    let head = async || {
        let row = "SELECT tries, dead, extract(epoch FROM due_at - now())::float8 FROM parked ORDER BY n LIMIT 1";
        let row = db.query_one(row, &[]).await.unwrap();
        (row.get::<_, i32>(0), row.get::<_, bool>(1), row.get::<_, f64>(2))
    };
    let mut last = 0.0;
    for tries in 1..=10 {
        let pause = eventually("it is tried again", || async {
            let (tried, _, pause) = head().await;
            (tried >= tries).then_some(pause)
        })
        .await;
        assert!(pause > last, "pause {tries} is {pause} s after {last} s");
        last = pause;
        // Time passes.
        db.batch_execute("UPDATE parked SET due_at = now() WHERE NOT dead").await.unwrap();
    }
    assert!(head().await.1, "it is not tried any more");
    // It still blocks its key, and nobody else.
    send(&banco, &[bad, good], 3, 3).await;
    send(&banco, &[good], 1, 1).await;
    eventually("what follows is parked, too", || async { (parked(&banco).await >= 3).then_some(()) }).await;
    assert_eq!(banco.saldo(bad.into()).await, None);
    oyente.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_does_not_run_away_from_what_is_handled() {
    const SENT: usize = 40_000;
    let banco = Banco::open().await;
    let holder = banco.look().await;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/pruebas', 0))")
        .await
        .unwrap();
    let id = Uuid::now_v7();
    let first = message(&banco, id, 1, "").await;
    let all: Vec<_> = (0..SENT)
        .map(|n| {
            let mut record = first.clone();
            record.key = format!("clave-{n}");
            record.headers[0].1 = format!("m-{n}");
            record
        })
        .collect();
    for batch in all.chunks(5_000) {
        broker(&banco).send(batch).await.unwrap();
    }
    let counting = Counting { broker: broker(&banco), read: Arc::default() };
    let read = Arc::clone(&counting.read);
    let oyente = Oyente::subscribe(&banco, counting).await;
    eventually("as much as may be open is open", || async { (read.load(Relaxed) > 4_096).then_some(()) }).await;
    // Many times as long as reading all of it would take.
    let mut seen = Vec::new();
    eventually("it reads no more", || {
        seen.push(read.load(Relaxed));
        let still = seen.len() > 60 && seen[seen.len() - 60..].iter().all(|count| *count == seen[seen.len() - 1]);
        async move { still.then_some(()) }
    })
    .await;
    assert!(read.load(Relaxed) < SENT / 2, "{} are read", read.load(Relaxed));
    holder.batch_execute("ROLLBACK").await.unwrap();
    oyente.stop().await;
}

/// A broker that counts what is read from it.
#[derive(Clone)]
pub(crate) struct Counting {
    pub(crate) broker: PgBroker,
    pub(crate) read: Arc<AtomicUsize>,
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

    fn set_paused(&mut self, paused: &BTreeSet<Partition>) {
        self.0.set_paused(paused);
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
