//! Connections that end in use: reads and commits continue on new ones.

use crate::{
    fixture::{Fixture, HASTY, bus},
    model::{AccountId, Deposit, Open},
    tables::{AccountRow, accounts},
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

/// An account as a list shows it.
#[derive(Debug, PartialEq)]
struct View(Uuid);

impl From<AccountRow> for View {
    fn from(row: AccountRow) -> Self {
        Self(row.id())
    }
}

const OURS: &str = "datname = current_database() AND application_name LIKE 'sta/%'";

/// Terminates every connection of the engine and waits until the server has none.
async fn terminate_all(db: &Client) {
    db.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}"), &[]).await.unwrap();
}

/// Waits until a session of the engine waits for a lock, and terminates it.
async fn terminate_the_one_that_waits(db: &Client) {
    let one = format!("SELECT pid FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'");
    let pid: i32 = eventually("a session waits for the lock", || async {
        db.query_opt(&one, &[]).await.unwrap().map(|row| row.get(0))
    })
    .await;
    db.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
}

async fn opened(fixture: &Fixture) -> AccountId {
    let id = AccountId::new();
    fixture.give(Open { id, email: format!("{id}@example.com") }).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reads_and_the_first_commit_after_every_backend_was_terminated_succeed() {
    let fixture = Fixture::open().await;
    let (reads, lists, db) = (fixture.bus.factory().reads::<AccountRow>(), fixture.lists(), fixture.look().await);
    let mut ids = vec![opened(&fixture).await];
    for _ in 0..5 {
        let all =
            || lists.views::<_, AccountRow, View>(accounts::table.order(accounts::id).select(AccountRow::as_select()));
        let (first, list) = (reads.by_id(ids[0].into()).await, all().await);
        assert!(first.unwrap().is_some() && list.unwrap().len() == ids.len());
        terminate_all(&db).await;
        let (first, list) = (reads.by_id(ids[0].into()).await, all().await);
        assert!(first.unwrap().is_some() && list.unwrap().len() == ids.len());
        terminate_all(&db).await;
        ids.push(opened(&fixture).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_connection_is_lost_meanwhile_is_made_once_more() {
    let fixture = Fixture::open().await;
    let (reads, lists, db) = (fixture.bus.factory().reads::<AccountRow>(), fixture.lists(), fixture.look().await);
    let id = opened(&fixture).await;
    reads.by_id(id.into()).await.unwrap();
    let lock = fixture.look().await;
    let all = accounts::table.order(accounts::id).select(AccountRow::as_select());
    lock.batch_execute("BEGIN; LOCK TABLE accounts").await.unwrap();
    let (found, ()) = join(reads.by_id(id.into()), async {
        terminate_the_one_that_waits(&db).await;
        lock.batch_execute("COMMIT").await.unwrap();
    })
    .await;
    assert!(found.unwrap().is_some());
    lock.batch_execute("BEGIN; LOCK TABLE accounts").await.unwrap();
    let (found, ()) = join(lists.views::<_, AccountRow, View>(all), async {
        terminate_the_one_that_waits(&db).await;
        lock.batch_execute("COMMIT").await.unwrap();
    })
    .await;
    assert_eq!(found, Ok(vec![View(id.into())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_connection_is_lost_before_its_commit_is_written_once_more() {
    let fixture = Fixture::open().await;
    opened(&fixture).await;
    let (lock, db) = (fixture.hold_commit_lock().await, fixture.look().await);
    let (id, cause) = (AccountId::new(), Cause::new());
    let (outcome, ()) = join(fixture.bus.dispatch(Open { id, email: "other@example.com".into() }, &cause), async {
        terminate_the_one_that_waits(&db).await;
        lock.release().await;
    })
    .await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(fixture.log().await.len(), 2, "the group was written twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_given_up_while_a_table_is_locked_leave_no_backend_behind() {
    let fixture = Fixture::with(HASTY).await;
    let (reads, lists, db) = (fixture.bus.factory().reads::<AccountRow>(), fixture.lists(), fixture.look().await);
    let id = opened(&fixture).await;
    let waiting = format!("SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'");
    let waiting = async || db.query_one(&waiting, &[]).await.unwrap().get::<_, i64>(0);
    let lock = fixture.look().await;
    lock.batch_execute("BEGIN; LOCK TABLE accounts").await.unwrap();
    for _ in 0..3 {
        assert_eq!(reads.by_id(id.into()).await.unwrap_err(), ReadError::Unavailable);
        eventually("the server has ended the session", async || (waiting().await == 0).then_some(())).await;
        let all = accounts::table.order(accounts::id).select(AccountRow::as_select());
        let list = lists.views::<_, AccountRow, View>(all);
        let given_up = timeout(Duration::from_millis(300), list).await;
        assert!(given_up.is_err(), "{given_up:?}");
        // The session ends long before `statement_timeout`.
        let asked = Instant::now();
        eventually("the server has ended the session", async || (waiting().await == 0).then_some(())).await;
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    }
    lock.batch_execute("COMMIT").await.unwrap();
    assert!(reads.by_id(id.into()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_a_defect_and_no_outage() {
    let fixture = Fixture::open().await;
    let (reads, lists, db) = (fixture.bus.factory().reads::<AccountRow>(), fixture.lists(), fixture.look().await);
    let id = opened(&fixture).await;
    assert!(reads.by_id(id.into()).await.unwrap().is_some());
    for (broken, mended, words) in [
        ("ALTER TABLE accounts RENAME email TO mail", "ALTER TABLE accounts RENAME mail TO email", "email"),
        ("ALTER TABLE accounts RENAME TO others", "ALTER TABLE others RENAME TO accounts", "accounts"),
    ] {
        db.batch_execute(broken).await.unwrap();
        let all = || accounts::table.order(accounts::id).select(AccountRow::as_select());
        let by_id = reads.by_id(id.into()).await.map(drop).unwrap_err();
        assert!(matches!(&by_id, ReadError::Defect(why) if why.contains(words)), "{by_id:?}");
        let list = lists.views::<_, AccountRow, View>(all()).await.unwrap_err();
        assert!(matches!(&list, StorageError::Defect(why) if why.contains(words)), "{list:?}");
        let deposit = fixture.give(Deposit { id }).await;
        assert!(matches!(&deposit, Err(StorageError::Defect(_))), "{deposit:?}");
        db.batch_execute(mended).await.unwrap();
        assert!(reads.by_id(id.into()).await.unwrap().is_some());
        assert_eq!(lists.views::<_, AccountRow, View>(all()).await.map(|all| all.len()), Ok(1));
        fixture.give(Deposit { id }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_reports_a_missing_column_until_it_is_back() {
    let fixture = Fixture::open().await;
    // Readiness knows the reads of its own database value.
    let own = fixture.own();
    let process = bus(&own, HASTY, &fixture.supervisor);
    let _reads = process.factory().reads::<AccountRow>();
    let (probe, db) = (Probe::new(own), fixture.look().await);
    let becomes = async |state: DatabaseState| {
        eventually("readiness reports the state", async || (probe.check().await.database == state).then_some(())).await;
    };
    becomes(DatabaseState::Up).await;
    db.batch_execute("ALTER TABLE accounts RENAME email TO mail").await.unwrap();
    becomes(DatabaseState::Mismatched).await;
    assert!(!probe.check().await.accepts_commands());
    db.batch_execute("ALTER TABLE accounts RENAME mail TO email").await.unwrap();
    becomes(DatabaseState::Up).await;
}
