//! What was found by attacking PostgreSQL and the engine: each test fails without its remedy.

use crate::{
    model::{Abonar, Abrir, AbrirCallado, Banco, CuentaId, Explotar, Forzar, HASTY, PATIENT, Traspasar, bus},
    proxy::{Mode, Proxy},
};
use futures_util::future::join_all;
use seedwork::{
    application::{Cause, CommandBus, MessageIdentity, StorageError},
    infrastructure::postgres::{CommitterSettings, Database, PgUnitOfWorkFactory},
    testing::eventually,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) type Bus = CommandBus<crate::model::Handlers, PgUnitOfWorkFactory<crate::model::Evento>>;

/// A second process's way to the same context, through a proxy.
pub(crate) async fn behind_a_proxy(banco: &Banco, settings: CommitterSettings) -> (Proxy, Bus) {
    let direct = banco.database.url();
    let proxy = Proxy::before(direct).await;
    let database = Database::new(&proxy.url(direct), "pruebas").unwrap();
    (proxy, bus(&database, settings, &banco.supervisor))
}

fn new(n: usize) -> Abrir {
    Abrir { id: CuentaId::new(), email: format!("{n}@example.com") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_found() {
    let banco = Banco::open().await;
    let (proxy, bus) = behind_a_proxy(&banco, PATIENT).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::LoseAnswer);
    let (cause, mode) = (Cause::new(), proxy.clone());
    let lost = bus.dispatch(new(2), &cause);
    // The look for the mark must be able to pass.
    let later = async {
        eventually("the COMMIT is done", || async { (banco.log().await.len() == 2).then_some(()) }).await;
        mode.set(Mode::Pass);
    };
    let (outcome, ()) = tokio::join!(lost, later);
    assert_eq!(outcome, Ok(()), "it is committed, so it is acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_arrives_after_its_connection_ended_is_waited_for() {
    let banco = Banco::open().await;
    let (proxy, bus) = behind_a_proxy(&banco, PATIENT).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::DelayCommit);
    let outcome = bus.dispatch(new(2), &Cause::new()).await;
    assert_eq!(banco.log().await.len(), 2, "the COMMIT came late, but it came");
    assert_eq!(outcome, Ok(()), "whoever looks without the lock finds nothing, and says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_found_is_told_as_unknown() {
    let banco = Banco::open().await;
    let (proxy, bus) = behind_a_proxy(&banco, HASTY).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::LoseAnswer);
    let cause = Cause::new();
    let (outcome, ()) = tokio::join!(bus.dispatch(new(2), &cause), async {
        eventually("the COMMIT is done", || async { (banco.log().await.len() == 2).then_some(()) }).await;
        proxy.set(Mode::Refuse);
    });
    assert_eq!(outcome, Err(StorageError::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_of_a_unit_that_says_nothing_is_found_by_its_claim() {
    let banco = Banco::open().await;
    let (proxy, bus) = behind_a_proxy(&banco, PATIENT).await;
    bus.dispatch(new(1), &Cause::new()).await.unwrap();
    proxy.set(Mode::LoseAnswer);
    let (id, cause) = (CuentaId::new(), Cause::new());
    let (outcome, ()) = tokio::join!(bus.dispatch(AbrirCallado { id, email: "callado".into() }, &cause), async {
        eventually("the COMMIT is done", || async { banco.saldo(id).await.map(drop) }).await;
        proxy.set(Mode::Pass);
    });
    assert_eq!(outcome, Ok(()));
}

/// On one thread: both units are queued before the committer takes a group, so they share it, in this order.
#[tokio::test]
async fn a_lost_commit_is_not_found_by_a_message_that_another_process_claimed() {
    let banco = Banco::open().await;
    let (proxy, ours) = behind_a_proxy(&banco, PATIENT).await;
    ours.dispatch(new(1), &Cause::new()).await.unwrap();
    banco.give(new(2)).await.unwrap();
    let consuming = |id: &str| {
        let (source, id, topic) = ("/sta/otro".into(), id.into(), "eventos-otro".into());
        let consumed = MessageIdentity { source, id, topic, partition: 0, key: None, parked: None };
        Cause { consumed: Some(Arc::new(consumed)), ..Cause::new() }
    };
    let (first, second) = (consuming("1"), consuming("2"));
    let quiet = |email: &str| AbrirCallado { id: CuentaId::new(), email: email.into() };
    let neighbour = quiet("vecino");
    let id = neighbour.id;
    const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND state = 'idle in transaction' AND query LIKE 'INSERT INTO cuentas%'";
    const WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND wait_event = 'advisory' AND query LIKE '%EXECUTE lock'";
    const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                       AND state = 'idle in transaction'";
    const DAYS: &str = "SELECT count(*) / 5 FROM pg_inherits WHERE inhparent = 'inbox'::regclass";
    let db = banco.look().await;
    let count = |what: &'static str| {
        let db = &db;
        async move { (db.query_one(what, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(()) }
    };
    eventually("the inbox has its partitions", || count(DAYS)).await;
    proxy.set(Mode::KeepCommit);
    let (consumed, neighbour, rival) =
        tokio::join!(ours.dispatch(quiet("nuestro"), &first), ours.dispatch(neighbour, &second), async {
            eventually("the COMMIT is kept back", || count(OPEN)).await;
            let (rival, ()) = tokio::join!(banco.bus.dispatch(quiet("rival"), &first), async {
                eventually("the rival is next", || count(WAITS)).await;
                proxy.set(Mode::Pass);
                count(END).await.unwrap();
            });
            rival
        });
    assert_eq!(rival, Ok(()));
    assert_eq!((consumed, neighbour), (Err(StorageError::Unavailable), Err(StorageError::Unavailable)));
    assert_eq!(banco.saldo(id).await, None, "it was rolled back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_frozen_between_lock_and_commit_does_not_stop_the_others() {
    let banco = Banco::open().await;
    let (proxy, frozen) = behind_a_proxy(&banco, HASTY).await;
    frozen.dispatch(new(1), &Cause::new()).await.unwrap();
    banco.give(new(2)).await.unwrap();
    proxy.set(Mode::KeepCommit);
    let cause = Cause::new();
    let (frozen, ours) = tokio::join!(frozen.dispatch(new(3), &cause), async {
        // The frozen one has the lock when its rows can be seen in progress.
        let db = banco.look().await;
        let locked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                      AND state = 'idle in transaction' AND query LIKE 'WITH last AS%'";
        eventually("the other has the lock", || async { db.query_opt(locked, &[]).await.unwrap().map(drop) }).await;
        let asked = Instant::now();
        (banco.give(new(4)).await, asked.elapsed())
    });
    assert_eq!(ours.0, Ok(()));
    assert!(ours.1 < 2 * HASTY.deadline, "{:?}", ours.1);
    assert!(matches!(frozen, Err(StorageError::Unknown | StorageError::Unavailable)), "{frozen:?}");
    assert_eq!(banco.log().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_is_told_within_the_deadline_and_comes_back_by_itself() {
    let banco = Banco::open().await;
    let (proxy, bus) = behind_a_proxy(&banco, HASTY).await;
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
        eventually("it is back", || async {
            bus.dispatch(Abrir { id: CuentaId::new(), email: format!("{dead:?}") }, &Cause::new()).await.ok()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_had_in_time_refuses_the_whole_group_once() {
    let banco = Banco::with(HASTY).await;
    banco.give(new(0)).await.unwrap();
    let holder = banco.look().await;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/pruebas', 0))")
        .await
        .unwrap();
    let asked = Instant::now();
    let outcomes = join_all((1..=300).map(|n| banco.give(new(n)))).await;
    assert!(outcomes.iter().all(|outcome| outcome == &Err(StorageError::Unavailable)), "{outcomes:?}");
    assert!(asked.elapsed() < 2 * HASTY.deadline, "{:?}", asked.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    eventually("it goes on", || async { banco.give(new(1_000)).await.ok() }).await;
    assert_eq!(banco.log().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_units_that_write_one_root_do_not_share_a_group() {
    let banco = Banco::open().await;
    let id = CuentaId::new();
    banco.give(Abrir { id, email: "una@example.com".into() }).await.unwrap();
    // They do not load it, so no lane keeps them apart: one UPDATE with both would write one and lose the other silently.
    let outcomes = join_all((0..8).map(|_| banco.give(Forzar { id, version: 1 }))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(banco.log().await.len(), 2, "only what was done is said");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_cross_never_deadlock() {
    let banco = Banco::open().await;
    let ids: Vec<_> = (0..6).map(|_| CuentaId::new()).collect();
    for (n, id) in ids.iter().enumerate() {
        banco.give(Abrir { id: *id, email: format!("{n}@example.com") }).await.unwrap();
    }
    let rival = bus(&banco.database.context("pruebas").unwrap(), PATIENT, &banco.supervisor);
    let cause = Cause::new();
    for round in 0..20 {
        let pairs = (0..6).map(|n| (ids[n], ids[(n + 1 + round % 5) % 6]));
        let ours = pairs.clone().map(|(de, a)| banco.give(Traspasar { de, a }));
        let theirs = pairs.map(|(de, a)| rival.dispatch(Traspasar { de: a, a: de }, &cause));
        let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
        let fair =
            |outcome: &Result<(), StorageError>| matches!(outcome, Ok(()) | Err(StorageError::ConcurrencyConflict));
        assert!(ours.iter().chain(&theirs).all(fair), "{ours:?} {theirs:?}");
    }
    let db = banco.look().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(db.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0), 0);
    let total: i64 = db.query_one("SELECT sum(saldo)::int8 FROM cuentas", &[]).await.unwrap().get(0);
    assert_eq!(total, 0, "what one gives, another has");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_s_own_isolation_level_does_not_make_numbers_collide() {
    let banco = Banco::open().await;
    let name = banco.database.url().rsplit('/').next().unwrap();
    let set = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'");
    banco.look().await.batch_execute(&set).await.unwrap();
    let database = banco.database.context("pruebas").unwrap();
    let (one, two) = (bus(&database, PATIENT, &banco.supervisor), bus(&database, PATIENT, &banco.supervisor));
    let cause = Cause::new();
    for round in 0..20 {
        let ours = (0..10).map(|n| one.dispatch(new(round * 100 + n), &cause));
        let theirs = (0..10).map(|n| two.dispatch(new(round * 100 + 50 + n), &cause));
        let (ours, theirs) = tokio::join!(join_all(ours), join_all(theirs));
        assert!(ours.iter().chain(&theirs).all(Result::is_ok), "{ours:?} {theirs:?}");
    }
    assert_eq!(banco.log().await.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_the_aggregate_free() {
    let banco = Banco::open().await;
    let id = CuentaId::new();
    banco.give(Abrir { id, email: "una@example.com".into() }).await.unwrap();
    for pause in 0..40 {
        let hung_up = tokio::time::timeout(Duration::from_micros(pause * 50), banco.give(Abonar { id })).await;
        drop(hung_up);
    }
    let before = banco.log().await.len();
    eventually("it is free", || async { banco.give(Abonar { id }).await.ok() }).await;
    let (after, saldo) = (banco.log().await.len(), banco.saldo(id).await.unwrap());
    assert!(after > before);
    assert_eq!(i64::try_from(after).unwrap() - 1, saldo, "each was done whole or not at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committer_that_panics_says_so_and_goes_on() {
    let banco = Banco::open().await;
    banco.give(new(1)).await.unwrap();
    assert_eq!(banco.give(Explotar {}).await, Err(StorageError::Unknown));
    eventually("it goes on", || async { banco.give(new(2)).await.ok() }).await;
    assert_eq!(banco.log().await.len(), 2);
}
