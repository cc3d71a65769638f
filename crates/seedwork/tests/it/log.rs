//! The partitions and the numbers of the log.

use crate::{
    attacks::behind_a_proxy,
    fixture::{Fixture, HASTY, PATIENT},
    model::{AccountId, Open, OpenUnpublished},
    proxy::Mode,
};
use futures_util::future::join_all;
use seedwork::{
    application::{Cause, StorageError},
    infrastructure::postgres::CommitterSettings,
    testing::eventually,
};
use std::time::{Duration, Instant};

fn new(n: usize) -> Open {
    Open { id: AccountId::new(), email: format!("{n}@example.com") }
}

/// Partitions so small that a test fills many.
const SMALL: CommitterSettings = CommitterSettings { partition_rows: 10, ..PATIENT };

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_there_before_they_are_needed() {
    let fixture = Fixture::with(SMALL).await;
    for round in 0..10 {
        let outcomes = join_all((0..17).map(|n| fixture.give(new(round * 100 + n)))).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let log = *fixture.bus.factory().log().borrow();
        assert!(log.room >= 0, "{log:?}");
    }
    assert_eq!(fixture.log().await.len(), 170);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_of_a_reader_does_not_delay_commits_while_a_partition_is_made() {
    let fixture = Fixture::with(SMALL).await;
    fixture.give(new(0)).await.unwrap();
    let mut reader = fixture.look().await;
    let open = reader.transaction().await.unwrap();
    open.query("SELECT * FROM outbox", &[]).await.unwrap();
    let asked = Instant::now();
    let outcomes = join_all((1..=60).map(|n| fixture.give(new(n)))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    open.rollback().await.unwrap();
    assert_eq!(fixture.log().await.len(), 61);
}

/// Takes the lock that `ANALYZE`, `VACUUM` and a detach take on the log. Attaching a partition waits for it.
const HOLD: &str = "BEGIN; LOCK TABLE outbox IN SHARE UPDATE EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_on_the_log_delays_no_commit_while_there_is_room() {
    let fixture = Fixture::with(CommitterSettings { partition_rows: 200, ..PATIENT }).await;
    fixture.give(new(0)).await.unwrap();
    let holder = fixture.look().await;
    holder.batch_execute(HOLD).await.unwrap();
    let mut n = 0;
    while fixture.bus.factory().log().borrow().room > 20 {
        n += 1;
        let asked = Instant::now();
        assert_eq!(fixture.give(new(n)).await, Ok(()));
        assert!(asked.elapsed() < Duration::from_secs(2), "commit {n} took {:?}", asked.elapsed());
    }
    assert!(n > 100, "{n} commits are too few to prove anything");
    holder.batch_execute("ROLLBACK").await.unwrap();
    let log = fixture.bus.factory().log();
    eventually("the log has room again", || async { (log.borrow().room > 100).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_refuses_in_time_and_recovers() {
    let fixture = Fixture::with(CommitterSettings { partition_rows: 20, ..HASTY }).await;
    fixture.give(new(0)).await.unwrap();
    let holder = fixture.look().await;
    holder.batch_execute(HOLD).await.unwrap();
    let mut n = 1;
    while fixture.bus.factory().log().borrow().room > 0 {
        let asked = Instant::now();
        assert_eq!(fixture.give(new(n)).await, Ok(()));
        assert!(asked.elapsed() < Duration::from_secs(2), "commit {n} took {:?}", asked.elapsed());
        n += 1;
    }
    let asked = Instant::now();
    let outcomes = join_all((100..150).map(|n| fixture.give(new(n)))).await;
    assert!(outcomes.iter().all(|outcome| outcome == &Err(StorageError::Unavailable)), "{outcomes:?}");
    assert!(asked.elapsed() < 2 * HASTY.deadline, "{:?}", asked.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("commits succeed again", || async { fixture.give(new(1_000)).await.ok() }).await;
    assert_eq!(fixture.log().await.len(), n + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_while_room_is_made_stops_commits_no_longer_than_it_is_silent() {
    let fixture = Fixture::with(SMALL).await;
    let (proxy, bus) = behind_a_proxy(&fixture, CommitterSettings { partition_rows: 10, ..HASTY }).await;
    // A full partition: the next commit needs a new one.
    for n in 0..10 {
        bus.dispatch(new(n), &Cause::new()).await.unwrap();
    }
    proxy.set(Mode::Silent);
    let (asked, cause) = (Instant::now(), Cause::new());
    let outcomes = join_all((10..60).map(|n| bus.dispatch(new(n), &cause))).await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert!(asked.elapsed() < 2 * HASTY.deadline, "{:?}", asked.elapsed());
    proxy.set(Mode::Pass);
    eventually("the server is back", || async { bus.dispatch(new(100), &cause).await.ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_partition_in_the_inbox_is_made_and_the_unit_written_again() {
    let fixture = Fixture::open().await;
    fixture.give(new(0)).await.unwrap();
    // As after a sleep of days, no partition is today's.
    let days = "SELECT string_agg(format('DROP TABLE %s', inhrelid::regclass), ';') FROM pg_inherits \
                WHERE inhparent = 'inbox'::regclass HAVING count(*) = 5";
    let db = fixture.look().await;
    let drop =
        eventually("the partitions of the next days exist", || async { db.query_opt(days, &[]).await.unwrap() }).await;
    let drop: String = drop.get(0);
    db.batch_execute(&drop).await.unwrap();
    let quiet = (1..20).map(|n| fixture.give(OpenUnpublished { id: AccountId::new(), email: n.to_string() }));
    let outcomes = join_all(quiet).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbering_goes_on_from_the_head_that_was_noted_when_partitions_were_dropped() {
    let fixture = Fixture::open().await;
    fixture.look().await.batch_execute("INSERT INTO outbox_head (seq) VALUES (41)").await.unwrap();
    let later = fixture.another_bus(SMALL);
    later.dispatch(new(1), &Cause::new()).await.unwrap();
    let first: i64 = fixture.look().await.query_one("SELECT seq FROM outbox", &[]).await.unwrap().get(0);
    assert_eq!(first, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_itself_notifies_nobody() {
    let fixture = Fixture::open().await;
    let (client, mut connection) =
        tokio_postgres::connect(fixture.database.url(), tokio_postgres::NoTls).await.unwrap();
    let mut received = 0;
    let committed = async {
        client.batch_execute("LISTEN sta_log_engine").await.unwrap();
        assert!(join_all((0..50).map(|n| fixture.give(new(n)))).await.iter().all(Result::is_ok));
        // This comes behind all notifications of the commits.
        client.batch_execute("NOTIFY sta_log_engine, 'end'").await.unwrap();
        client.batch_execute("SELECT 1").await.unwrap();
    };
    let listened = async {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            received += usize::from(matches!(message, tokio_postgres::AsyncMessage::Notification(_)));
        }
    };
    tokio::select! {
        () = committed => {}
        () = listened => panic!("the connection ended"),
    }
    assert_eq!(received, 1, "a commit notifies: NOTIFY makes all commits wait for each other");
}
