//! Readiness tells whether commands can be committed.

use crate::model::{Banco, MIGRATIONS, connect};
use seedwork::{
    infrastructure::postgres::{DatabaseState, ParkedCounts, Probe, Readiness},
    testing::{TestDatabase, eventually},
};
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

fn probe(banco: &Banco) -> Probe {
    Probe::new(banco.database.context("pruebas").unwrap())
}

/// Asks until the answer is as it is to be.
async fn tells(probe: &Probe, what: &str, is_so: impl Fn(Readiness) -> bool) {
    eventually(what, || async { is_so(probe.check().await).then_some(()) }).await;
}

async fn becomes_ready(probe: &Probe) {
    tells(probe, "commands are taken", |readiness| readiness.accepts_commands()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_set_to_read_only_takes_no_commands() {
    let banco = Banco::open().await;
    becomes_ready(&probe(&banco)).await;
    let name = banco.database.url().rsplit('/').next().unwrap();
    let client = banco.look().await;
    client.batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
    let is_read_only =
        |readiness: Readiness| !readiness.accepts_commands() && readiness.database == DatabaseState::ReadOnly;
    tells(&probe(&banco), "it is read only", is_read_only).await;
    client.batch_execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await.unwrap();
    becomes_ready(&probe(&banco)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_disk_is_full_takes_no_commands_until_there_is_space() {
    let banco = Banco::open().await;
    let probe = probe(&banco);
    becomes_ready(&probe).await;
    let files = FullFiles::of(&banco.look().await).await;
    tells(&probe, "the disk is full", |readiness| readiness.database == DatabaseState::Full).await;
    assert!(!probe.check().await.accepts_commands());
    drop(files);
    becomes_ready(&probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_room_takes_no_commands() {
    let database = TestDatabase::create(vec![("pruebas", MIGRATIONS)]).await.unwrap();
    let probe = Probe::new(database.context("pruebas").unwrap());
    let is_full = |readiness: Readiness| {
        readiness.database == DatabaseState::Up && readiness.room == 0 && !readiness.accepts_commands()
    };
    tells(&probe, "the log has no room", is_full).await;
    let partition = "CREATE TABLE pruebas.o PARTITION OF pruebas.outbox FOR VALUES FROM (1) TO (11)";
    connect(database.url()).await.batch_execute(partition).await.unwrap();
    tells(&probe, "the log has room", |readiness| readiness.accepts_commands() && readiness.room == 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_set_aside_are_counted_up_to_a_bound() {
    let banco = Banco::open().await;
    let park = "\
        INSERT INTO parked (source, id, topic, partition, \"offset\", headers, parked_at, tries, due_at, dead, reason) \
        SELECT 's', n::text, 't', 0, n, '{}', now(), 0, 'infinity', n % 10000 = 0, 'r' FROM generate_series(1, 20000) AS n";
    banco.look().await.batch_execute(park).await.unwrap();
    let expected = Some(ParkedCounts { parked: 10_000, dead: 2 });
    tells(&probe(&banco), "as many as are counted at most", |readiness| readiness.parked_counts == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_counted_in_time_leaves_commands_possible() {
    let banco = Banco::open().await;
    let locked = banco.look().await;
    let probe = probe(&banco);
    becomes_ready(&probe).await;
    locked.batch_execute("BEGIN; LOCK parked").await.unwrap();
    let is_uncounted = |readiness: Readiness| readiness.accepts_commands() && readiness.parked_counts.is_none();
    tells(&probe, "commands are taken, and nothing is counted", is_uncounted).await;
}

/// Temporary files of the sessions of a database that take no byte: to the server, its disk is full.
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
