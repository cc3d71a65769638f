//! One suite for every implementation of the unit of work: memory and PostgreSQL keep the same promises.

use crate::{
    model::{Banco, Cuenta, CuentaId, Evento},
    tables::Resumen,
};
use seedwork::{
    application::{Cause, Committed, Load, Project, RecordedEvents, Save, StorageError, UnitOfWorkFactory},
    domain::{Aggregate, Recorded, Version},
    testing::FakeUnitOfWorkFactory,
};
use tokio_postgres::Row;
use uuid::Uuid;

fn new(id: CuentaId, email: &str) -> Cuenta {
    let mut events = Recorded::new();
    events.record(Evento::Callado);
    Cuenta { id, email: email.into(), saldo: 0, events }
}

fn paid(mut cuenta: Cuenta) -> Cuenta {
    cuenta.saldo += 1;
    cuenta.events.record(Evento::Callado);
    cuenta
}

async fn conforms<S>(factory: &S)
where
    S: UnitOfWorkFactory<Uow: Load<Cuenta> + Save<Cuenta> + RecordedEvents<Evento>>,
{
    let cause = Cause::new();
    let (id, other) = (CuentaId::new(), CuentaId::new());

    // What is saved is seen inside the unit, and nowhere else before the commit.
    let mut uow = factory.begin(&cause);
    assert!(uow.load(id).await.unwrap().is_none());
    uow.save(new(id, "una"));
    assert_eq!(uow.load(id).await.unwrap().map(|cuenta| cuenta.version()), Some(1));
    assert!(factory.begin(&cause).load(other).await.unwrap().is_none());

    // The events are taken once.
    assert_eq!((uow.drain().len(), uow.drain().len()), (1, 0));

    // Saved twice is one insert, at the version of the last.
    let again = uow.load(id).await.unwrap().unwrap();
    uow.save(paid(again));
    assert_eq!(factory.commit(uow).await, Ok(Committed));
    let kept = factory.begin(&cause).load(id).await.unwrap().unwrap();
    assert_eq!((kept.version(), kept.saldo), (2, 1));

    // Dropping a unit is the rollback.
    let mut dropped = factory.begin(&cause);
    dropped.save(paid(kept.clone()));
    drop(dropped);
    assert_eq!(factory.begin(&cause).load(id).await.unwrap().unwrap().version(), 2);

    // A change that builds on an older version than the committed one is refused, whole.
    let mut first = factory.begin(&cause);
    first.save(paid(kept.clone()));
    assert_eq!(factory.commit(first).await, Ok(Committed));
    let mut late = factory.begin(&cause);
    late.save(new(other, "otra"));
    late.save(paid(kept));
    assert_eq!(factory.commit(late).await, Err(StorageError::ConcurrencyConflict));
    assert!(factory.begin(&cause).load(other).await.unwrap().is_none(), "nothing of a refused unit is kept");

    // A save is a change also when no event was recorded: what builds on the version before it is refused.
    let seen = factory.begin(&cause).load(id).await.unwrap().unwrap();
    let mut silent = factory.begin(&cause);
    silent.save(Cuenta { saldo: 10, ..seen.clone() });
    assert_eq!(factory.commit(silent).await, Ok(Committed));
    let kept = factory.begin(&cause).load(id).await.unwrap().unwrap();
    assert_eq!((kept.version(), kept.saldo), (seen.version() + 1, 10));
    let mut late = factory.begin(&cause);
    late.save(Cuenta { saldo: 20, ..seen });
    assert_eq!(factory.commit(late).await, Err(StorageError::ConcurrencyConflict));
    let silent = CuentaId::new();
    for version in 1..=2 {
        let mut uow = factory.begin(&cause);
        let known = uow.load(silent).await.unwrap();
        let events = known.map_or(Recorded::new(), |cuenta| cuenta.events);
        uow.save(Cuenta { id: silent, email: "callada".into(), saldo: 0, events });
        assert_eq!(factory.commit(uow).await, Ok(Committed));
        assert_eq!(factory.begin(&cause).load(silent).await.unwrap().unwrap().version(), version);
    }

    // An id is taken once.
    let mut taken = factory.begin(&cause);
    taken.save(new(id, "tercera"));
    assert!(matches!(factory.commit(taken).await, Err(StorageError::Unique(_))));
}

/// Projects rows of a read model; `read` returns them.
async fn projects<S, F>(factory: &S, read: impl Fn() -> F)
where
    S: UnitOfWorkFactory<Uow: Project<Resumen>>,
    F: Future<Output = Vec<Resumen>>,
{
    let (pedido, other) = (Uuid::now_v7(), Uuid::now_v7());
    let row = |pedido, lineas, version| Resumen { pedido, lineas, version };
    // Of one key, in one unit or in several, the newest stays; nothing is written before the commit.
    for (rows, expected) in [
        (vec![row(pedido, 1, 2)], vec![row(pedido, 1, 2)]),
        (vec![row(pedido, 9, 1), row(pedido, 9, 2)], vec![row(pedido, 1, 2)]),
        (vec![row(pedido, 3, 4), row(other, 7, 1), row(pedido, 2, 3)], vec![row(other, 7, 1), row(pedido, 3, 4)]),
    ] {
        let before = read().await;
        let mut uow = factory.begin(&Cause::new());
        rows.into_iter().for_each(|row| uow.project(row));
        assert_eq!(read().await, before);
        assert_eq!(factory.commit(uow).await, Ok(Committed));
        assert_eq!(read().await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_promises_of_a_unit_of_work() {
    let factory = FakeUnitOfWorkFactory::<Evento>::new();
    conforms(&factory).await;
    projects(&factory, async || factory.read_model()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_the_promises_of_a_unit_of_work() {
    let banco = Banco::open().await;
    conforms(banco.bus.factory()).await;
    let look = banco.look().await;
    let read = async || {
        let rows = look.query("SELECT id_pedido, lineas, version FROM resumenes ORDER BY version", &[]).await.unwrap();
        let row =
            |row: &Row| Resumen { pedido: row.get(0), lineas: row.get(1), version: row.get::<_, i32>(2) as Version };
        rows.iter().map(row).collect()
    };
    projects(banco.bus.factory(), read).await;
}
