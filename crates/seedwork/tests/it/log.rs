//! The log's partitions and numbers.

use crate::{
    attacks::behind_a_proxy,
    model::{Abrir, AbrirCallado, Banco, CuentaId, HASTY, PATIENT, bus},
    proxy::Mode,
};
use futures_util::future::join_all;
use seedwork::{
    application::{Cause, StorageError},
    infrastructure::postgres::CommitterSettings,
    testing::eventually,
};
use std::time::{Duration, Instant};

fn new(n: usize) -> Abrir {
    Abrir { id: CuentaId::new(), email: format!("{n}@example.com") }
}

/// Partitions so small that a test crosses many.
const SMALL: CommitterSettings = CommitterSettings { partition_rows: 10, ..PATIENT };

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_there_before_they_are_needed() {
    let banco = Banco::with(SMALL).await;
    for round in 0..10 {
        let outcomes = join_all((0..17).map(|n| banco.give(new(round * 100 + n)))).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let log = *banco.bus.factory().log().borrow();
        assert!(log.room >= 0, "{log:?}");
    }
    assert_eq!(banco.log().await.len(), 170);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_holds_its_transaction_open_stops_nobody_while_a_partition_is_made() {
    let banco = Banco::with(SMALL).await;
    banco.give(new(0)).await.unwrap();
    let mut reader = banco.look().await;
    let open = reader.transaction().await.unwrap();
    open.query("SELECT * FROM outbox", &[]).await.unwrap();
    let asked = Instant::now();
    let outcomes = join_all((1..=60).map(|n| banco.give(new(n)))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    open.rollback().await.unwrap();
    assert_eq!(banco.log().await.len(), 61);
}

/// Takes the lock that `ANALYZE`, `VACUUM` and a detach hold on the log, and that attaching a partition waits for.
const HOLD: &str = "BEGIN; LOCK TABLE outbox IN SHARE UPDATE EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_on_the_log_delays_no_commit_while_there_is_room() {
    let banco = Banco::with(CommitterSettings { partition_rows: 200, ..PATIENT }).await;
    banco.give(new(0)).await.unwrap();
    let holder = banco.look().await;
    holder.batch_execute(HOLD).await.unwrap();
    let mut n = 0;
    while banco.bus.factory().log().borrow().room > 20 {
        n += 1;
        let asked = Instant::now();
        assert_eq!(banco.give(new(n)).await, Ok(()));
        assert!(asked.elapsed() < Duration::from_secs(2), "commit {n} took {:?}", asked.elapsed());
    }
    assert!(n > 100, "{n} commits show nothing");
    holder.batch_execute("ROLLBACK").await.unwrap();
    let log = banco.bus.factory().log();
    eventually("room is made", || async { (log.borrow().room > 100).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_refuses_in_time_and_recovers() {
    let banco = Banco::with(CommitterSettings { partition_rows: 20, ..HASTY }).await;
    banco.give(new(0)).await.unwrap();
    let holder = banco.look().await;
    holder.batch_execute(HOLD).await.unwrap();
    let mut n = 1;
    while banco.bus.factory().log().borrow().room > 0 {
        let asked = Instant::now();
        assert_eq!(banco.give(new(n)).await, Ok(()));
        assert!(asked.elapsed() < Duration::from_secs(2), "commit {n} took {:?}", asked.elapsed());
        n += 1;
    }
    let asked = Instant::now();
    let outcomes = join_all((100..150).map(|n| banco.give(new(n)))).await;
    assert!(outcomes.iter().all(|outcome| outcome == &Err(StorageError::Unavailable)), "{outcomes:?}");
    assert!(asked.elapsed() < 2 * HASTY.deadline, "{:?}", asked.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("it goes on", || async { banco.give(new(1_000)).await.ok() }).await;
    assert_eq!(banco.log().await.len(), n + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_while_room_is_made_stops_commits_no_longer_than_it_is_silent() {
    let banco = Banco::with(SMALL).await;
    let (proxy, bus) = behind_a_proxy(&banco, CommitterSettings { partition_rows: 10, ..HASTY }).await;
    // As many as a partition holds: with the next one, room is to be made.
    for n in 0..10 {
        bus.dispatch(new(n), &Cause::new()).await.unwrap();
    }
    proxy.set(Mode::Silent);
    let (asked, cause) = (Instant::now(), Cause::new());
    let outcomes = join_all((10..60).map(|n| bus.dispatch(new(n), &cause))).await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert!(asked.elapsed() < 2 * HASTY.deadline, "{:?}", asked.elapsed());
    proxy.set(Mode::Pass);
    eventually("it is back", || async { bus.dispatch(new(100), &cause).await.ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_partition_in_the_inbox_is_made_and_the_unit_written_again() {
    let banco = Banco::open().await;
    banco.give(new(0)).await.unwrap();
    // As after days of sleep: none of the partitions is today's.
    let days = "SELECT string_agg(format('DROP TABLE %s', inhrelid::regclass), ';') FROM pg_inherits \
                WHERE inhparent = 'inbox'::regclass HAVING count(*) = 5";
    let db = banco.look().await;
    let drop = eventually("days are made ahead", || async { db.query_opt(days, &[]).await.unwrap() }).await;
    let drop: String = drop.get(0);
    db.batch_execute(&drop).await.unwrap();
    let quiet = (1..20).map(|n| banco.give(AbrirCallado { id: CuentaId::new(), email: n.to_string() }));
    let outcomes = join_all(quiet).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbering_goes_on_from_the_head_that_was_noted_when_partitions_were_dropped() {
    let banco = Banco::open().await;
    banco.look().await.batch_execute("INSERT INTO outbox_head (seq) VALUES (41)").await.unwrap();
    let later = bus(&banco.database.context("pruebas").unwrap(), SMALL, &banco.supervisor);
    later.dispatch(new(1), &Cause::new()).await.unwrap();
    let first: i64 = banco.look().await.query_one("SELECT seq FROM outbox", &[]).await.unwrap().get(0);
    assert_eq!(first, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_itself_notifies_nobody() {
    let banco = Banco::open().await;
    let (client, mut connection) = tokio_postgres::connect(banco.database.url(), tokio_postgres::NoTls).await.unwrap();
    let mut notifications = 0;
    let committed = async {
        client.batch_execute("LISTEN sta_log_pruebas").await.unwrap();
        assert!(join_all((0..50).map(|n| banco.give(new(n)))).await.iter().all(Result::is_ok));
        // Behind everything that the commits could have said.
        client.batch_execute("NOTIFY sta_log_pruebas, 'end'").await.unwrap();
        client.batch_execute("SELECT 1").await.unwrap();
    };
    let listened = async {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            notifications += usize::from(matches!(message, tokio_postgres::AsyncMessage::Notification(_)));
        }
    };
    tokio::select! {
        () = committed => {}
        () = listened => panic!("the connection ended"),
    }
    assert_eq!(notifications, 1, "a NOTIFY in a commit would make all who commit wait for each other");
}
