//! Readiness reports if commands can be committed.

use crate::{
    fixture::{Fixture, connect},
    model::MIGRATIONS,
};
use seedwork::{
    infrastructure::postgres::{DatabaseState, ParkedCounts, Probe, Readiness},
    testing::{TestDatabase, eventually},
};
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

fn probe(fixture: &Fixture) -> Probe {
    Probe::new(fixture.own())
}

/// Waits until the probe reports a state.
async fn reports(probe: &Probe, what: &str, is_so: impl Fn(Readiness) -> bool) {
    eventually(what, || async { is_so(probe.check().await).then_some(()) }).await;
}

async fn becomes_ready(probe: &Probe) {
    reports(probe, "commands are accepted", |readiness| readiness.accepts_commands()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_set_to_read_only_takes_no_commands() {
    let fixture = Fixture::open().await;
    becomes_ready(&probe(&fixture)).await;
    let name = fixture.database.url().rsplit('/').next().unwrap();
    let client = fixture.look().await;
    client.batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
    let is_read_only =
        |readiness: Readiness| !readiness.accepts_commands() && readiness.database == DatabaseState::ReadOnly;
    reports(&probe(&fixture), "the database is read-only", is_read_only).await;
    client.batch_execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await.unwrap();
    becomes_ready(&probe(&fixture)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_disk_is_full_takes_no_commands_until_there_is_space() {
    let fixture = Fixture::open().await;
    let probe = probe(&fixture);
    becomes_ready(&probe).await;
    let files = FullFiles::of(&fixture.look().await).await;
    reports(&probe, "the disk is full", |readiness| readiness.database == DatabaseState::Full).await;
    assert!(!probe.check().await.accepts_commands());
    drop(files);
    becomes_ready(&probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_room_takes_no_commands() {
    let database = TestDatabase::create(vec![("engine", MIGRATIONS)]).await.unwrap();
    let probe = Probe::new(database.context("engine").unwrap());
    let is_full = |readiness: Readiness| {
        readiness.database == DatabaseState::Up && readiness.room == 0 && !readiness.accepts_commands()
    };
    reports(&probe, "the log has no room", is_full).await;
    let partition = "CREATE TABLE engine.o PARTITION OF engine.outbox FOR VALUES FROM (1) TO (11)";
    connect(database.url()).await.batch_execute(partition).await.unwrap();
    reports(&probe, "the log has room", |readiness| readiness.accepts_commands() && readiness.room == 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_parked_counts_are_counted_up_to_a_bound() {
    let fixture = Fixture::open().await;
    let park = "\
        INSERT INTO parked (source, id, topic, partition, \"offset\", headers, parked_at, tries, due_at, dead, reason) \
        SELECT 's', n::text, 't', 0, n, '{}', now(), 0, 'infinity', n % 10000 = 0, 'r' FROM generate_series(1, 20000) AS n";
    fixture.look().await.batch_execute(park).await.unwrap();
    let expected = Some(ParkedCounts { parked: 10_000, dead: 2 });
    reports(&probe(&fixture), "the count has reached its bound", |readiness| readiness.parked_counts == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_that_takes_too_long_leaves_commands_possible() {
    let fixture = Fixture::open().await;
    let locked = fixture.look().await;
    let probe = probe(&fixture);
    becomes_ready(&probe).await;
    locked.batch_execute("BEGIN; LOCK parked").await.unwrap();
    let is_uncounted = |readiness: Readiness| readiness.accepts_commands() && readiness.parked_counts.is_none();
    reports(&probe, "commands are accepted and parked messages are not counted", is_uncounted).await;
}

/// Temporary files of the sessions of a database that accept no byte: the server finds its disk full.
struct FullFiles(Vec<PathBuf>);

impl FullFiles {
    async fn of(client: &tokio_postgres::Client) -> Self {
        let folder: String = client.query_one("SHOW data_directory", &[]).await.unwrap().get(0);
        let sessions =
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let sessions = client.query(sessions, &[]).await.unwrap();
        let names = sessions.iter().map(|row| row.get::<_, i32>(0)).flat_map(|pid| (0..64).map(move |n| (pid, n)));
        let folder = Path::new(&folder).join("base/pgsql_tmp");
        let files: Vec<_> = names.map(|(pid, n)| folder.join(format!("pgsql_tmp{pid}.{n}"))).collect();
        files.iter().for_each(|file| symlink("/dev/full", file).unwrap());
        Self(files)
    }
}

impl Drop for FullFiles {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = std::fs::remove_file(file);
        }
    }
}
