//! Attacks on PostgreSQL and the engine. Each test fails without the remedy that its attack led to.

use crate::{
    fixture::{Bus, Fixture, HASTY, PATIENT, bus},
    model::{AccountId, Deposit, Explode, Open, OpenUnpublished, Overwrite, Transfer},
    proxy::{Mode, Proxy},
};
use futures_util::future::join_all;
use seedwork::{
    application::{Cause, MessageIdentity, StorageError},
    infrastructure::postgres::{CommitterSettings, Database},
    testing::eventually,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The bus of another process that reaches PostgreSQL through a proxy.
pub(crate) async fn behind_a_proxy(fixture: &Fixture, settings: CommitterSettings) -> (Proxy, Bus) {
    let direct = fixture.database.url();
    let proxy = Proxy::before(direct).await;
    let database = Database::new(&proxy.url(direct), "engine").unwrap();
    (proxy, bus(&database, settings, &fixture.supervisor))
}

fn new(n: usize) -> Open {
    Open { id: AccountId::new(), email: format!("{n}@example.com") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_found() {
    let fixture = Fixture::open().await;
    let (proxy, bus) = behind_a_proxy(&fixture, PATIENT).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::LoseAnswer);
    let (cause, mode) = (Cause::new(), proxy.clone());
    let lost = bus.dispatch(new(2), &cause);
    // The committer looks for its mark through the same proxy.
    let later = async {
        eventually("the COMMIT is done", || async { (fixture.log().await.len() == 2).then_some(()) }).await;
        mode.set(Mode::Pass);
    };
    let (outcome, ()) = tokio::join!(lost, later);
    assert_eq!(outcome, Ok(()), "the committed unit was not acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_arrives_after_its_connection_ended_is_waited_for() {
    let fixture = Fixture::open().await;
    let (proxy, bus) = behind_a_proxy(&fixture, PATIENT).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::DelayCommit);
    let outcome = bus.dispatch(new(2), &Cause::new()).await;
    assert_eq!(fixture.log().await.len(), 2, "the late COMMIT was lost");
    assert_eq!(outcome, Ok(()), "the committer looked for its mark without the lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_found_is_reported_as_unknown() {
    let fixture = Fixture::open().await;
    let (proxy, bus) = behind_a_proxy(&fixture, HASTY).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::LoseAnswer);
    let cause = Cause::new();
    let (outcome, ()) = tokio::join!(bus.dispatch(new(2), &cause), async {
        eventually("the COMMIT is done", || async { (fixture.log().await.len() == 2).then_some(()) }).await;
        proxy.set(Mode::Refuse);
    });
    assert_eq!(outcome, Err(StorageError::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_of_a_unit_without_messages_is_found_by_its_claim() {
    let fixture = Fixture::open().await;
    let (proxy, bus) = behind_a_proxy(&fixture, PATIENT).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::LoseAnswer);
    let (id, cause) = (AccountId::new(), Cause::new());
    let (outcome, ()) = tokio::join!(bus.dispatch(OpenUnpublished { id, email: "quiet".into() }, &cause), async {
        eventually("the COMMIT is done", || async { fixture.balance(id).await.map(drop) }).await;
        proxy.set(Mode::Pass);
    });
    assert_eq!(outcome, Ok(()));
}

/// Runs on one thread: both units are queued before the committer takes a group, so they share one, in this order.
#[tokio::test]
async fn a_lost_commit_is_not_found_by_a_message_that_another_process_claimed() {
    let fixture = Fixture::open().await;
    let (proxy, ours) = behind_a_proxy(&fixture, PATIENT).await;
    ours.dispatch(new(1), &Cause::new()).await.unwrap();
    fixture.give(new(2)).await.unwrap();
    let consumes = |id: &str| {
        let (source, id, topic) = ("/sta/other".into(), id.into(), "events-other".into());
        let heard = MessageIdentity { source, id, topic, partition: 0, key: None, parked: None };
        Cause { consumed: Some(Arc::new(heard)), ..Cause::new() }
    };
    let (first, second) = (consumes("1"), consumes("2"));
    let quiet = |email: &str| OpenUnpublished { id: AccountId::new(), email: email.into() };
    let neighbour = quiet("neighbour");
    let id = neighbour.id;
    const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND state = 'idle in transaction' AND query LIKE 'INSERT INTO accounts%'";
    const WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND wait_event = 'advisory' AND query LIKE '%EXECUTE lock'";
    const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                       AND state = 'idle in transaction'";
    const DAYS: &str = "SELECT count(*) / 5 FROM pg_inherits WHERE inhparent = 'inbox'::regclass";
    let db = fixture.look().await;
    let count = |what: &'static str| {
        let db = &db;
        async move { (db.query_one(what, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(()) }
    };
    eventually("the inbox has its partitions", || count(DAYS)).await;
    proxy.set(Mode::KeepCommit);
    let (heard, neighbour, rival) =
        tokio::join!(ours.dispatch(quiet("ours"), &first), ours.dispatch(neighbour, &second), async {
            eventually("the COMMIT is kept back", || count(OPEN)).await;
            let (rival, ()) = tokio::join!(fixture.bus.dispatch(quiet("rival"), &first), async {
                eventually("the rival waits for the lock", || count(WAITS)).await;
                proxy.set(Mode::Pass);
                count(END).await.unwrap();
            });
            rival
        });
    assert_eq!(rival, Ok(()));
    assert_eq!((heard, neighbour), (Err(StorageError::Unavailable), Err(StorageError::Unavailable)));
    assert_eq!(fixture.balance(id).await, None, "the unit was not rolled back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_frozen_between_lock_and_commit_does_not_stop_the_others() {
    let fixture = Fixture::open().await;
    let (proxy, frozen) = behind_a_proxy(&fixture, HASTY).await;
    frozen.dispatch(new(1), &Cause::new()).await.unwrap();
    fixture.give(new(2)).await.unwrap();
    proxy.set(Mode::KeepCommit);
    let cause = Cause::new();
    let (frozen, ours) = tokio::join!(frozen.dispatch(new(3), &cause), async {
        // The frozen process has the lock once its rows are in progress.
        let db = fixture.look().await;
        let locked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                      AND state = 'idle in transaction' AND query LIKE 'WITH last AS%'";
        eventually("the frozen process has the lock", || async { db.query_opt(locked, &[]).await.unwrap().map(drop) })
            .await;
        let asked = Instant::now();
        (fixture.give(new(4)).await, asked.elapsed())
    });
    assert_eq!(ours.0, Ok(()));
    assert!(ours.1 < 2 * HASTY.deadline, "{:?}", ours.1);
    assert!(matches!(frozen, Err(StorageError::Unknown | StorageError::Unavailable)), "{frozen:?}");
    assert_eq!(fixture.log().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_is_reported_within_the_deadline_and_recovers_by_itself() {
    let fixture = Fixture::open().await;
    let (proxy, bus) = behind_a_proxy(&fixture, HASTY).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    for dead in [Mode::Silent, Mode::Refuse] {
        proxy.set(dead);
        let asked = Instant::now();
        let cause = Cause::new();
        let outcomes = join_all((10..60).map(|n| bus.dispatch(new(n), &cause))).await;
        assert!(
            outcomes.iter().all(|o| matches!(o, Err(StorageError::Unavailable | StorageError::Unknown))),
            "{outcomes:?}"
        );
        assert!(asked.elapsed() < 2 * HASTY.deadline, "{dead:?} took {:?}", asked.elapsed());
        proxy.set(Mode::Pass);
        eventually("the database is back", || async {
            bus.dispatch(Open { id: AccountId::new(), email: format!("{dead:?}") }, &Cause::new()).await.ok()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_acquired_in_time_refuses_the_whole_group_once() {
    let fixture = Fixture::with(HASTY).await;
    fixture.give(new(0)).await.unwrap();
    let lock = fixture.hold_commit_lock().await;
    let asked = Instant::now();
    let outcomes = join_all((1..=300).map(|n| fixture.give(new(n)))).await;
    assert!(outcomes.iter().all(|outcome| outcome == &Err(StorageError::Unavailable)), "{outcomes:?}");
    assert!(asked.elapsed() < 2 * HASTY.deadline, "{:?}", asked.elapsed());
    lock.release().await;
    eventually("commits succeed again", || async { fixture.give(new(1_000)).await.ok() }).await;
    assert_eq!(fixture.log().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_units_that_write_one_root_do_not_share_a_group() {
    let fixture = Fixture::open().await;
    let id = AccountId::new();
    fixture.give(Open { id, email: "one@example.com".into() }).await.unwrap();
    // They do not load the root, so no lane keeps them apart. One UPDATE of both would write one and lose the other.
    let outcomes = join_all((0..8).map(|_| fixture.give(Overwrite { id, version: 1 }))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(fixture.log().await.len(), 2, "a refused unit published");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_cross_never_deadlock() {
    let fixture = Fixture::open().await;
    let ids: Vec<_> = (0..6).map(|_| AccountId::new()).collect();
    for (n, id) in ids.iter().enumerate() {
        fixture.give(Open { id: *id, email: format!("{n}@example.com") }).await.unwrap();
    }
    let rival = fixture.another_bus(PATIENT);
    let cause = Cause::new();
    for round in 0..20 {
        let pairs = (0..6).map(|n| (ids[n], ids[(n + 1 + round % 5) % 6]));
        let ours = pairs.clone().map(|(from, to)| fixture.give(Transfer { from, to }));
        let theirs = pairs.map(|(from, to)| rival.dispatch(Transfer { from: to, to: from }, &cause));
        let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
        let fair =
            |outcome: &Result<(), StorageError>| matches!(outcome, Ok(()) | Err(StorageError::ConcurrencyConflict));
        assert!(ours.iter().chain(&theirs).all(fair), "{ours:?} {theirs:?}");
    }
    let db = fixture.look().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(db.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0), 0);
    let total: i64 = db.query_one("SELECT sum(balance)::int8 FROM accounts", &[]).await.unwrap().get(0);
    assert_eq!(total, 0, "a transfer was done by half");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_isolation_level_of_the_database_does_not_make_numbers_collide() {
    let fixture = Fixture::open().await;
    let name = fixture.database.url().rsplit('/').next().unwrap();
    let set = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'");
    fixture.look().await.batch_execute(&set).await.unwrap();
    let (one, two) = (fixture.another_bus(PATIENT), fixture.another_bus(PATIENT));
    let cause = Cause::new();
    for round in 0..20 {
        let ours = (0..10).map(|n| one.dispatch(new(round * 100 + n), &cause));
        let theirs = (0..10).map(|n| two.dispatch(new(round * 100 + 50 + n), &cause));
        let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
        assert!(ours.iter().chain(&theirs).all(Result::is_ok), "{ours:?} {theirs:?}");
    }
    assert_eq!(fixture.log().await.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_the_aggregate_free() {
    let fixture = Fixture::open().await;
    let id = AccountId::new();
    fixture.give(Open { id, email: "one@example.com".into() }).await.unwrap();
    for pause in 0..40 {
        let hung_up = tokio::time::timeout(Duration::from_micros(pause * 50), fixture.give(Deposit { id })).await;
        drop(hung_up);
    }
    let before = fixture.log().await.len();
    eventually("the aggregate is free", || async { fixture.give(Deposit { id }).await.ok() }).await;
    let (after, balance) = (fixture.log().await.len(), fixture.balance(id).await.unwrap());
    assert!(after > before);
    assert_eq!(i64::try_from(after).unwrap() - 1, balance, "a deposit was done by half");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committer_that_panics_reports_it_and_continues() {
    let fixture = Fixture::open().await;
    fixture.give(new(1)).await.unwrap();
    assert_eq!(fixture.give(Explode {}).await, Err(StorageError::Unknown));
    eventually("commits succeed again", || async { fixture.give(new(2)).await.ok() }).await;
    assert_eq!(fixture.log().await.len(), 2);
}
