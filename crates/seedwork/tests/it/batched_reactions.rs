//! Batched reactions: aggregates are found by a specification, and the reaction runs in one unit of work a batch.

use crate::{
    model::{Abonar, AbrirCallado, Banco, Cuenta, CuentaId, Evento, Handlers, PATIENT, Uow},
    tables::cuentas,
};
use diesel::{ExpressionMethods, QueryDsl, QueryResult};
use diesel_async::AsyncPgConnection;
use futures_util::future::join_all;
use seedwork::{
    application::{
        Cause, Command, CommandBus, CommandHandler, Committed, Context, DomainEventHandler, EventHandler, Find,
        IntegrationEvent, MessageIdentity, REACTION_BATCH, RecordedEvents, Save, StorageError, UnitOfWorkFactory,
    },
    domain::{Recorded, Specification},
    infrastructure::postgres::{FindIds, PgUnitOfWorkFactory},
    testing::{FakeUnitOfWorkFactory, World},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// The cuentas with a saldo.
#[derive(Debug, Clone, Copy)]
struct ConSaldo(i64);

impl Specification for ConSaldo {
    type Of = Cuenta;

    fn is_satisfied_by(&self, cuenta: &Cuenta) -> bool {
        cuenta.saldo == self.0
    }
}

impl FindIds for ConSaldo {
    // Imported here: the trait would also take `execute` for itself of a bare client.
    async fn ids(&self, most: i64, db: &mut AsyncPgConnection) -> QueryResult<Vec<Uuid>> {
        use diesel_async::RunQueryDsl;
        cuentas::table.filter(cuentas::saldo.eq(self.0)).select(cuentas::id).limit(most).load(db).await
    }
}

/// Says that the cuentas with a saldo are to be emptied.
#[derive(Debug, Clone, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.IngestaFallida", topic = "eventos-prueba", key = id)]
struct Vaciado {
    id: Uuid,
    saldo: i64,
}

/// What fails on purpose fails on the last page.
impl EventHandler<Vaciado, Uow> for Handlers {
    async fn handle(&self, event: Vaciado, uow: &mut Uow) -> Result<(), StorageError> {
        let cuentas = uow.find(ConSaldo(event.saldo)).await?;
        if cuentas.len() < REACTION_BATCH && self.0.failing.lock().unwrap().contains(&event.id) {
            return Err(StorageError::Unique("failing".into()));
        }
        for mut cuenta in cuentas {
            cuenta.saldo = 0;
            cuenta.events.record(Evento::Cuenta(cuenta.id.into(), cuenta.events.next_version()));
            uow.save(cuenta);
        }
        Ok(())
    }
}

/// Asks for the same, which a command cannot do.
#[derive(Debug, Clone)]
struct Vaciar(i64);

impl Command for Vaciar {
    const NAME: &'static str = "vaciar";
    type Output = usize;
    type Error = StorageError;
}

impl CommandHandler<Vaciar, Uow> for Handlers {
    async fn handle(&self, command: Vaciar, uow: &mut Uow) -> Result<usize, StorageError> {
        Ok(uow.find(ConSaldo(command.0)).await?.len())
    }
}

/// Looks, and leaves everything as it is.
#[derive(Clone)]
struct Mirones;

impl Context for Mirones {
    const NAME: &'static str = "mirones";
    type Event = Evento;
    type Fault = StorageError;
}

impl<U: Send> DomainEventHandler<U> for Mirones {}

impl<U: Find<ConSaldo>> EventHandler<Vaciado, U> for Mirones {
    async fn handle(&self, event: Vaciado, uow: &mut U) -> Result<(), StorageError> {
        uow.find(ConSaldo(event.saldo)).await.map(drop)
    }
}

fn con_saldo(saldo: i64) -> Cuenta {
    let (id, mut events) = (CuentaId::new(), Recorded::new());
    events.record(Evento::Callado);
    Cuenta { id, email: id.to_string(), saldo, events }
}

async fn finds<S>(factory: &S)
where
    S: UnitOfWorkFactory<Uow: Find<ConSaldo> + Save<Cuenta> + RecordedEvents<Evento>>,
{
    let cause = Cause::new();
    let commit = async |cuentas: &[Cuenta]| {
        let mut uow = factory.begin(&cause);
        cuentas.iter().cloned().for_each(|cuenta| uow.save(cuenta));
        assert_eq!(factory.commit(uow).await, Ok(Committed));
    };
    let ids = |cuentas: &[Cuenta]| cuentas.iter().map(|cuenta| cuenta.id).collect::<Vec<_>>();
    let (cuentas, others) = ([con_saldo(7), con_saldo(7), con_saldo(7)], [con_saldo(8)]);
    commit(&[cuentas[2].clone(), cuentas[0].clone(), cuentas[1].clone()]).await;
    commit(&others).await;
    // The aggregates by their ids, and no others.
    let mut uow = factory.begin(&cause);
    let found = uow.find(ConSaldo(7)).await.unwrap();
    assert_eq!(ids(&found), ids(&cuentas));
    assert!(uow.find(ConSaldo(9)).await.unwrap().is_empty());
    // As the unit sees them: what it saved belongs, or belongs no more.
    let [mut gone, stays, ..] = <[Cuenta; 3]>::try_from(found).unwrap();
    gone.saldo = 0;
    gone.events.record(Evento::Callado);
    uow.save(gone);
    let new = con_saldo(7);
    uow.save(new.clone());
    assert_eq!(ids(&uow.find(ConSaldo(7)).await.unwrap()), [stays.id, cuentas[2].id, new.id]);
    drop(uow);
    // No more than a unit is given; and it knows.
    commit(&(0..REACTION_BATCH - 3).map(|_| con_saldo(7)).collect::<Vec<_>>()).await;
    let mut uow = factory.begin(&cause);
    assert_eq!((uow.find(ConSaldo(7)).await.unwrap().len(), uow.has_more()), (REACTION_BATCH, false));
    drop(uow);
    commit(&[con_saldo(7)]).await;
    let mut uow = factory.begin(&cause);
    assert_eq!((uow.find(ConSaldo(7)).await.unwrap().len(), uow.has_more()), (REACTION_BATCH, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_finds_the_aggregates_that_satisfy_a_specification() {
    finds(&FakeUnitOfWorkFactory::<Evento>::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_finds_the_aggregates_that_satisfy_a_specification() {
    finds(Banco::open().await.bus.factory()).await;
}

/// Another process, so to speak, with handlers whose faults are known.
fn bus_of(banco: &Banco, handlers: Handlers) -> CommandBus<Handlers, PgUnitOfWorkFactory<Evento>> {
    let database = banco.database.context("pruebas").unwrap();
    CommandBus::new(handlers, PgUnitOfWorkFactory::start(&database, PATIENT, &banco.supervisor))
}

async fn open(banco: &Banco, count: i32, saldo: i64) {
    let insert = "INSERT INTO cuentas SELECT id, id::text, $2, 1 FROM (SELECT gen_random_uuid() AS id \
                  FROM generate_series(1, $1)) AS ids";
    banco.look().await.execute(insert, &[&count, &saldo]).await.unwrap();
}

async fn count(banco: &Banco, what: &str) -> i64 {
    banco.look().await.query_one(&format!("SELECT count({what}"), &[]).await.unwrap().get(0)
}

/// How many cuentas have a saldo.
async fn left(banco: &Banco, saldo: i64) -> i64 {
    count(banco, &format!("*) FROM cuentas WHERE saldo = {saldo}")).await
}

fn vaciado() -> Vaciado {
    Vaciado { id: Uuid::now_v7(), saldo: 7 }
}

fn cause_of(event: &Vaciado, parked: Option<i64>) -> Cause {
    let (id, key) = (event.id.to_string(), Some(event.id.to_string().into_bytes()));
    let topic = Vaciado::TOPIC.into();
    let consumed = MessageIdentity { source: "/prueba".into(), id, topic, partition: 0, key, parked };
    Cause { consumed: Some(Arc::new(consumed)), ..Cause::new() }
}

const CLAIMED: &str = "*) FROM inbox WHERE source = '/prueba' AND state = 'applied'";

/// Sets a message aside, as the consumer does; answers its place.
async fn park(banco: &Banco, event: &Vaciado) -> i64 {
    // With its first commit the committer has made the partitions of the inbox.
    banco.give(AbrirCallado { id: CuentaId::new(), email: Uuid::now_v7().to_string() }).await.unwrap();
    let id = event.id.to_string();
    let db = banco.look().await;
    db.execute("INSERT INTO inbox VALUES ('/prueba', $1, now(), 'parked')", &[&id]).await.unwrap();
    let insert = "INSERT INTO parked (source, id, topic, key, partition, \"offset\", headers, tries, due_at, dead, reason, \
                  parked_at) VALUES ('/prueba', $1, $2, $3, 0, 0, '[]', 0, now(), false, '', now()) RETURNING n";
    db.query_one(insert, &[&id, &Vaciado::TOPIC, &id.as_bytes()]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_reaction_takes_several_units_and_claims_its_message_with_the_last() {
    let banco = Banco::open().await;
    open(&banco, 250, 7).await;
    open(&banco, 1, 8).await;
    let event = vaciado();
    banco.bus.handle_event(event.clone(), &cause_of(&event, None)).await.unwrap();
    assert_eq!((left(&banco, 7).await, left(&banco, 0).await, left(&banco, 8).await), (0, 250, 1));
    assert_eq!(count(&banco, "DISTINCT xmin::text) FROM cuentas WHERE saldo = 0").await, 3);
    assert_eq!((banco.log().await.len(), count(&banco, CLAIMED).await), (250, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_consumed_before_has_no_effect_in_one_batch_or_in_many() {
    let banco = Banco::open().await;
    let (event, behind) = (vaciado(), vaciado());
    open(&banco, 5, 7).await;
    banco.bus.handle_event(event.clone(), &cause_of(&event, None)).await.unwrap();
    park(&banco, &behind).await;
    for more in [5, 200] {
        open(&banco, more, 7).await;
        let again = banco.bus.handle_event(event.clone(), &cause_of(&event, None)).await;
        assert_eq!(again, Err(StorageError::Duplicate));
    }
    // Another message of a key of which one is parked waits behind it.
    let Cause { consumed: waiting, .. } = cause_of(&behind, None);
    let waiting = MessageIdentity { id: "another".into(), ..Arc::unwrap_or_clone(waiting.unwrap()) };
    let cause = Cause { consumed: Some(Arc::new(waiting)), ..Cause::new() };
    assert_eq!(banco.bus.handle_event(behind, &cause).await, Err(StorageError::Behind));
    assert_eq!((left(&banco, 7).await, banco.log().await.len()), (205, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_that_fails_half_way_goes_on_with_the_rest() {
    let banco = Banco::open().await;
    open(&banco, 250, 7).await;
    let event = vaciado();
    let handlers = Handlers::default();
    handlers.0.failing.lock().unwrap().insert(event.id);
    let bus = bus_of(&banco, handlers.clone());
    bus.handle_event(event.clone(), &cause_of(&event, None)).await.unwrap_err();
    assert_eq!((left(&banco, 7).await, count(&banco, CLAIMED).await), (50, 0));
    handlers.0.failing.lock().unwrap().clear();
    bus.handle_event(event.clone(), &cause_of(&event, None)).await.unwrap();
    assert_eq!((left(&banco, 7).await, count(&banco, CLAIMED).await), (0, 1));
    assert_eq!(banco.log().await.len(), 250, "each has been emptied once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_message_stays_parked_until_the_last_unit() {
    let banco = Banco::open().await;
    open(&banco, 150, 7).await;
    let event = vaciado();
    let handlers = Handlers::default();
    handlers.0.failing.lock().unwrap().insert(event.id);
    let bus = bus_of(&banco, handlers.clone());
    let n = park(&banco, &event).await;
    bus.handle_event(event.clone(), &cause_of(&event, Some(n))).await.unwrap_err();
    assert_eq!((left(&banco, 7).await, count(&banco, "*) FROM parked").await), (50, 1));
    handlers.0.failing.lock().unwrap().clear();
    bus.handle_event(event.clone(), &cause_of(&event, Some(n))).await.unwrap();
    assert_eq!((left(&banco, 7).await, count(&banco, "*) FROM parked").await, count(&banco, CLAIMED).await), (0, 0, 1));
    // Another process that still believes it to be parked does nothing.
    open(&banco, 150, 7).await;
    assert_eq!(bus.handle_event(event.clone(), &cause_of(&event, Some(n))).await, Err(StorageError::Duplicate));
    assert_eq!(left(&banco, 7).await, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_the_members_meanwhile_are_before_or_after_and_nothing_waits_for_ever() {
    let banco = Banco::open().await;
    open(&banco, 150, 7).await;
    let rows = banco.look().await.query("SELECT id FROM cuentas", &[]).await.unwrap();
    let ids: Vec<CuentaId> = rows.iter().map(|row| row.get::<_, Uuid>(0).into()).collect();
    let (event, again) = (vaciado(), vaciado());
    let (first, second) = (cause_of(&event, None), cause_of(&again, None));
    let paid = join_all(ids.iter().map(|id| banco.give(Abonar { id: *id })));
    let emptied = join_all([banco.bus.handle_event(event, &first), banco.bus.handle_event(again, &second)]);
    let (paid, emptied) = futures_util::future::join(paid, emptied).await;
    assert!(paid.into_iter().chain(emptied).all(|outcome| outcome == Ok(())));
    assert_eq!(left(&banco, 8).await + left(&banco, 1).await, 150, "paid, or emptied and then paid");
    assert_eq!(count(&banco, "*) FROM cuentas WHERE version <> CASE saldo WHEN 8 THEN 2 ELSE 3 END").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_one_unit_only() {
    let banco = Banco::open().await;
    open(&banco, 100, 7).await;
    assert_eq!(banco.bus.dispatch(Vaciar(7), &Cause::new()).await, Ok(100));
    open(&banco, 1, 7).await;
    let refused = banco.bus.dispatch(Vaciar(7), &Cause::new()).await;
    assert!(matches!(refused, Err(StorageError::Defect(_))), "{refused:?}");
}

#[tokio::test]
async fn a_batched_reaction_that_changes_nothing_ends() {
    let world = (0..=REACTION_BATCH).map(|_| con_saldo(7)).fold(World::new(Mirones), World::with);
    let refused = world.handle_event(vaciado()).await;
    assert!(matches!(refused, Err(StorageError::Defect(_))), "{refused:?}");
}
