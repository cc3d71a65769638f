//! Connections that end under the engine: reads and commits go on with new ones.

use crate::{
    model::{Abonar, Abrir, Banco, CuentaId, HASTY, bus},
    tables::{CuentaRow, cuentas},
};
use diesel::{QueryDsl, SelectableHelper};
use futures_util::future::join;
use seedwork::{
    application::{Cause, StorageError},
    infrastructure::postgres::{DatabaseState, Probe, ReadError, Root as _},
    testing::eventually,
};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;
use uuid::Uuid;

/// A cuenta as a list shows it.
#[derive(Debug, PartialEq)]
struct Vista(Uuid);

impl From<CuentaRow> for Vista {
    fn from(row: CuentaRow) -> Self {
        Self(row.id())
    }
}

const OURS: &str = "datname = current_database() AND application_name LIKE 'sta/%'";

/// Ends every connection of the engine, and waits until the server has none.
async fn terminate_all(db: &Client) {
    db.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}"), &[]).await.unwrap();
}

/// Waits until a session of the engine waits for a lock, and terminates it.
async fn terminate_the_one_that_waits(db: &Client) {
    let one = format!("SELECT pid FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'");
    let pid: i32 =
        eventually("a session waits", || async { db.query_opt(&one, &[]).await.unwrap().map(|row| row.get(0)) }).await;
    db.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
}

async fn opened(banco: &Banco) -> CuentaId {
    let id = CuentaId::new();
    banco.give(Abrir { id, email: format!("{id}@example.com") }).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reads_and_the_first_commit_after_every_backend_was_terminated_succeed() {
    let banco = Banco::open().await;
    let (reads, lists, db) = (banco.bus.factory().reads::<CuentaRow>(), banco.lists(), banco.look().await);
    let mut ids = vec![opened(&banco).await];
    for _ in 0..5 {
        let all =
            || lists.views::<_, CuentaRow, Vista>(cuentas::table.order(cuentas::id).select(CuentaRow::as_select()));
        let (first, list) = (reads.by_id(ids[0].into()).await, all().await);
        assert!(first.unwrap().is_some() && list.unwrap().len() == ids.len());
        terminate_all(&db).await;
        let (first, list) = (reads.by_id(ids[0].into()).await, all().await);
        assert!(first.unwrap().is_some() && list.unwrap().len() == ids.len());
        terminate_all(&db).await;
        ids.push(opened(&banco).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_connection_is_lost_meanwhile_is_made_once_more() {
    let banco = Banco::open().await;
    let (reads, lists, db) = (banco.bus.factory().reads::<CuentaRow>(), banco.lists(), banco.look().await);
    let id = opened(&banco).await;
    reads.by_id(id.into()).await.unwrap();
    let lock = banco.look().await;
    let all = cuentas::table.order(cuentas::id).select(CuentaRow::as_select());
    lock.batch_execute("BEGIN; LOCK TABLE cuentas").await.unwrap();
    let (found, ()) = join(reads.by_id(id.into()), async {
        terminate_the_one_that_waits(&db).await;
        lock.batch_execute("COMMIT").await.unwrap();
    })
    .await;
    assert!(found.unwrap().is_some());
    lock.batch_execute("BEGIN; LOCK TABLE cuentas").await.unwrap();
    let (found, ()) = join(lists.views::<_, CuentaRow, Vista>(all), async {
        terminate_the_one_that_waits(&db).await;
        lock.batch_execute("COMMIT").await.unwrap();
    })
    .await;
    assert_eq!(found, Ok(vec![Vista(id.into())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_connection_is_lost_before_its_commit_is_written_once_more() {
    let banco = Banco::open().await;
    opened(&banco).await;
    let (lock, db) = (banco.look().await, banco.look().await);
    let take = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/pruebas', 0))";
    lock.batch_execute(take).await.unwrap();
    let (id, cause) = (CuentaId::new(), Cause::new());
    let (outcome, ()) = join(banco.bus.dispatch(Abrir { id, email: "otra@example.com".into() }, &cause), async {
        terminate_the_one_that_waits(&db).await;
        lock.batch_execute("COMMIT").await.unwrap();
    })
    .await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(banco.log().await.len(), 2, "it is written once");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_given_up_while_a_table_is_locked_leave_no_backend_behind() {
    let banco = Banco::with(HASTY).await;
    let (reads, lists, db) = (banco.bus.factory().reads::<CuentaRow>(), banco.lists(), banco.look().await);
    let id = opened(&banco).await;
    let waiting = format!("SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'");
    let waiting = async || db.query_one(&waiting, &[]).await.unwrap().get::<_, i64>(0);
    let lock = banco.look().await;
    lock.batch_execute("BEGIN; LOCK TABLE cuentas").await.unwrap();
    for _ in 0..3 {
        assert_eq!(reads.by_id(id.into()).await.unwrap_err(), ReadError::Unavailable);
        eventually("the server has ended it", async || (waiting().await == 0).then_some(())).await;
        let all = cuentas::table.order(cuentas::id).select(CuentaRow::as_select());
        let list = lists.views::<_, CuentaRow, Vista>(all);
        let given_up = timeout(Duration::from_millis(300), list).await;
        assert!(given_up.is_err(), "{given_up:?}");
        // Long before `statement_timeout`.
        let asked = Instant::now();
        eventually("the server has ended it", async || (waiting().await == 0).then_some(())).await;
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    }
    lock.batch_execute("COMMIT").await.unwrap();
    assert!(reads.by_id(id.into()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_a_defect_and_no_outage() {
    let banco = Banco::open().await;
    let (reads, lists, db) = (banco.bus.factory().reads::<CuentaRow>(), banco.lists(), banco.look().await);
    let id = opened(&banco).await;
    assert!(reads.by_id(id.into()).await.unwrap().is_some());
    for (broken, mended, words) in [
        ("ALTER TABLE cuentas RENAME email TO correo", "ALTER TABLE cuentas RENAME correo TO email", "email"),
        ("ALTER TABLE cuentas RENAME TO otras", "ALTER TABLE otras RENAME TO cuentas", "cuentas"),
    ] {
        db.batch_execute(broken).await.unwrap();
        let all = || cuentas::table.order(cuentas::id).select(CuentaRow::as_select());
        let by_id = reads.by_id(id.into()).await.map(drop).unwrap_err();
        assert!(matches!(&by_id, ReadError::Defect(why) if why.contains(words)), "{by_id:?}");
        let list = lists.views::<_, CuentaRow, Vista>(all()).await.unwrap_err();
        assert!(matches!(&list, StorageError::Defect(why) if why.contains(words)), "{list:?}");
        let deposit = banco.give(Abonar { id }).await;
        assert!(matches!(&deposit, Err(StorageError::Defect(_))), "{deposit:?}");
        db.batch_execute(mended).await.unwrap();
        assert!(reads.by_id(id.into()).await.unwrap().is_some());
        assert_eq!(lists.views::<_, CuentaRow, Vista>(all()).await.map(|all| all.len()), Ok(1));
        banco.give(Abonar { id }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_of_a_missing_column_until_it_is_back() {
    let banco = Banco::open().await;
    let own = banco.database.context("pruebas").unwrap();
    let process = bus(&own, HASTY, &banco.supervisor);
    let _reads = process.factory().reads::<CuentaRow>();
    let (probe, db) = (Probe::new(own), banco.look().await);
    let becomes = async |state: DatabaseState| {
        eventually("it is seen", async || (probe.check().await.database == state).then_some(())).await;
    };
    becomes(DatabaseState::Up).await;
    db.batch_execute("ALTER TABLE cuentas RENAME email TO correo").await.unwrap();
    becomes(DatabaseState::Mismatched).await;
    assert!(!probe.check().await.accepts_commands());
    db.batch_execute("ALTER TABLE cuentas RENAME correo TO email").await.unwrap();
    becomes(DatabaseState::Up).await;
}
