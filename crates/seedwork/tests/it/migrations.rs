//! Migrations of a context.

use crate::fixture::Fixture;
use diesel_migrations::embed_migrations;
use futures_util::future::join;
use seedwork::{
    infrastructure::postgres::{Migrations, migrate},
    testing::{TestDatabase, eventually},
};
use std::time::{Duration, Instant};

const CLASHING: Migrations = embed_migrations!("tests/clashing-migrations");

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_with_the_version_of_one_of_the_engine_is_refused_and_not_skipped() {
    let refused = TestDatabase::create(vec![("engine", CLASHING)]).await.map(drop).unwrap_err().to_string();
    assert!(
        refused.contains("the schema engine cannot be migrated") && refused.contains("have one version"),
        "{refused}"
    );
    assert!(refused.contains("2026-11-24-000000_clash") && refused.contains("2026-11-24-000000_log"), "{refused}");
}

const LATER: Migrations = embed_migrations!("tests/later-migrations");

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_lets_others_pass_while_it_waits_for_a_lock_and_goes_on_when_it_has_it() {
    let fixture = Fixture::open().await;
    let lock = fixture.look().await;
    lock.batch_execute("SET application_name = 'an export'; BEGIN; SELECT count(*) FROM orders").await.unwrap();
    let migration = migrate(fixture.database.url(), vec![("engine", LATER)]);
    let others = async {
        let (writer, watch) = (fixture.look().await, fixture.look().await);
        let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the migration waits for the lock", || async {
            watch.query_opt(waits, &[]).await.unwrap().map(drop)
        })
        .await;
        // A statement behind the migration waits no longer than the migration does.
        let insert = "INSERT INTO orders (id, version) VALUES (gen_random_uuid(), 1)";
        let asked = Instant::now();
        writer.batch_execute(insert).await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        lock.batch_execute("COMMIT").await.unwrap();
    };
    let (migrated, ()) = join(migration, others).await;
    migrated.unwrap();
    fixture.look().await.batch_execute("SELECT note FROM orders").await.unwrap();
}
