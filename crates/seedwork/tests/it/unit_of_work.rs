//! The promises of a unit of work, checked on memory and on PostgreSQL.

use crate::{
    fixture::Fixture,
    model::{Account, AccountId, Event},
    tables::OrderSummary,
};
use seedwork::{
    application::{Cause, Committed, Load, Project, RecordedEvents, Save, StorageError, UnitOfWorkFactory},
    domain::{Aggregate, Recorded, Version},
    testing::FakeUnitOfWorkFactory,
};
use tokio_postgres::Row;
use uuid::Uuid;

fn new(id: AccountId, email: &str) -> Account {
    let mut events = Recorded::new();
    events.record(Event::Internal);
    Account { id, email: email.into(), balance: 0, events }
}

fn paid(mut account: Account) -> Account {
    account.balance += 1;
    account.events.record(Event::Internal);
    account
}

async fn conforms<S>(factory: &S)
where
    S: UnitOfWorkFactory<Uow: Load<Account> + Save<Account> + RecordedEvents<Event>>,
{
    let cause = Cause::new();
    let (id, other) = (AccountId::new(), AccountId::new());

    // A saved aggregate is visible inside the unit, and elsewhere only after the commit.
    let mut uow = factory.begin(&cause);
    assert!(uow.load(id).await.unwrap().is_none());
    uow.save(new(id, "one"));
    assert_eq!(uow.load(id).await.unwrap().map(|account| account.version()), Some(1));
    assert!(factory.begin(&cause).load(other).await.unwrap().is_none());

    // Events are drained once.
    assert_eq!((uow.drain().len(), uow.drain().len()), (1, 0));

    // Two saves are one insert, at the version of the last.
    let again = uow.load(id).await.unwrap().unwrap();
    uow.save(paid(again));
    assert_eq!(factory.commit(uow).await, Ok(Committed));
    let kept = factory.begin(&cause).load(id).await.unwrap().unwrap();
    assert_eq!((kept.version(), kept.balance), (2, 1));

    // Dropping a unit rolls it back.
    let mut dropped = factory.begin(&cause);
    dropped.save(paid(kept.clone()));
    drop(dropped);
    assert_eq!(factory.begin(&cause).load(id).await.unwrap().unwrap().version(), 2);

    // A unit that builds on an older version than the committed one is refused as a whole.
    let mut first = factory.begin(&cause);
    first.save(paid(kept.clone()));
    assert_eq!(factory.commit(first).await, Ok(Committed));
    let mut late = factory.begin(&cause);
    late.save(new(other, "other"));
    late.save(paid(kept));
    assert_eq!(factory.commit(late).await, Err(StorageError::ConcurrencyConflict));
    assert!(factory.begin(&cause).load(other).await.unwrap().is_none(), "a part of a refused unit was stored");

    // A save without an event is a change, too: a unit that builds on the version before it is refused.
    let seen = factory.begin(&cause).load(id).await.unwrap().unwrap();
    let mut silent = factory.begin(&cause);
    silent.save(Account { balance: 10, ..seen.clone() });
    assert_eq!(factory.commit(silent).await, Ok(Committed));
    let kept = factory.begin(&cause).load(id).await.unwrap().unwrap();
    assert_eq!((kept.version(), kept.balance), (seen.version() + 1, 10));
    let mut late = factory.begin(&cause);
    late.save(Account { balance: 20, ..seen });
    assert_eq!(factory.commit(late).await, Err(StorageError::ConcurrencyConflict));
    let silent = AccountId::new();
    for version in 1..=2 {
        let mut uow = factory.begin(&cause);
        let known = uow.load(silent).await.unwrap();
        let events = known.map_or(Recorded::new(), |account| account.events);
        uow.save(Account { id: silent, email: "quiet".into(), balance: 0, events });
        assert_eq!(factory.commit(uow).await, Ok(Committed));
        assert_eq!(factory.begin(&cause).load(silent).await.unwrap().unwrap().version(), version);
    }

    // An id is taken once.
    let mut taken = factory.begin(&cause);
    taken.save(new(id, "third"));
    assert!(matches!(factory.commit(taken).await, Err(StorageError::Unique(_))));
}

/// Checks the rows of a read model, which `read` returns.
async fn projects<S, F>(factory: &S, read: impl Fn() -> F)
where
    S: UnitOfWorkFactory<Uow: Project<OrderSummary>>,
    F: Future<Output = Vec<OrderSummary>>,
{
    let (order, other) = (Uuid::now_v7(), Uuid::now_v7());
    let row = |order, lines, version| OrderSummary { order, lines, version };
    // The newest row of a key wins, within a unit and across units, and no row is visible before the commit.
    for (rows, expected) in [
        (vec![row(order, 1, 2)], vec![row(order, 1, 2)]),
        (vec![row(order, 9, 1), row(order, 9, 2)], vec![row(order, 1, 2)]),
        (vec![row(order, 3, 4), row(other, 7, 1), row(order, 2, 3)], vec![row(other, 7, 1), row(order, 3, 4)]),
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
    let factory = FakeUnitOfWorkFactory::<Event>::new();
    conforms(&factory).await;
    projects(&factory, async || factory.read_model()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_the_promises_of_a_unit_of_work() {
    let fixture = Fixture::open().await;
    conforms(fixture.bus.factory()).await;
    let look = fixture.look().await;
    let read = async || {
        let rows =
            look.query("SELECT order_id, lines, version FROM order_summaries ORDER BY version", &[]).await.unwrap();
        let row =
            |row: &Row| OrderSummary { order: row.get(0), lines: row.get(1), version: row.get::<_, i32>(2) as Version };
        rows.iter().map(row).collect()
    };
    projects(fixture.bus.factory(), read).await;
}
