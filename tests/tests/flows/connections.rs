//! The connections of a process to PostgreSQL: few, closed when idle, replaced when lost.

use eventually::eventually;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sta_tests::{
    clientes::natural,
    sta::{Sta, command, database, signal},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// The number of contexts of the binary.
const CONTEXTS: i64 = 3;

/// Counts the sessions of STA in the server of a data directory.
struct Sessions(tokio_postgres::Client);

impl Sessions {
    async fn of(home: &Path) -> Option<Self> {
        database(home).await.map(Self)
    }

    async fn count(&self) -> i64 {
        let all = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sta/%'";
        self.0.query_one(all, &[]).await.unwrap().get(0)
    }
}

fn ingesta() -> Value {
    json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" })
}

async fn create(sta: &Sta) -> String {
    let (status, answer) = sta.post("/ingesta/crear-ingesta-comando", &ingesta()).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// Lets a few clients read and write for a while. Returns the most sessions seen.
async fn light_load(sta: &Sta, sessions: &Sessions) -> i64 {
    let (ingesta, cliente) = (create(sta).await, sta.clientes().registrar(natural()).await);
    let until = Instant::now() + Duration::from_secs(3);
    let clients = join_all((0..6).map(|_| async {
        while Instant::now() < until {
            create(sta).await;
            for path in [
                format!("/ingesta/consulta-por-id/{ingesta}"),
                format!("/clientes/consulta-por-id/{cliente}"),
                format!("/clientes/{cliente}/expediente"),
                "/ingesta/todas?limite=5".to_owned(),
                "/clientes/todos?limite=5".to_owned(),
                "/vuelos/reservas?limite=5".to_owned(),
            ] {
                let (status, answer) = sta.get(&path).await.unwrap();
                assert_eq!(status, 200, "{path}: {answer}");
            }
        }
    }));
    let watch = async {
        let mut most = 0;
        while Instant::now() < until {
            most = sessions.count().await.max(most);
            tokio::task::yield_now().await;
        }
        most
    };
    tokio::join!(clients, watch).1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_has_five_connections_when_it_is_idle_and_ten_under_light_load() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let sessions = Sessions::of(home.path()).await.unwrap();
    let most = light_load(&sta, &sessions).await;
    let threads = i64::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    let allowed = 10 + (threads.min(4) - 2).max(0);
    assert!(most <= CONTEXTS * allowed, "{most}");
    let asked = Instant::now();
    eventually("idle connections are closed", async || (sessions.count().await <= CONTEXTS * 5).then_some(())).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_has_no_more_connections_than_its_limit_and_one_that_is_too_small_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let small = command(home.path(), &[("STA_DATABASE_CONNECTIONS", "20")]).arg("serve").output().await.unwrap();
    let told = String::from_utf8(small.stderr).unwrap();
    assert!(!small.status.success() && told.contains("STA_DATABASE_CONNECTIONS"), "{told}");
    assert!(told.contains("3 contexts need 8 each") && told.contains("26 in all"), "{told}");
    let sta = Sta::start(home.path(), &[("STA_DATABASE_CONNECTIONS", "26")]).await;
    let sessions = Sessions::of(home.path()).await.unwrap();
    let most = light_load(&sta, &sessions).await;
    assert!((CONTEXTS * 5..=26).contains(&most), "{most}");
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reads_and_commands_after_a_restart_of_postgresql_succeed() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (ingesta, cliente) = (create(&sta).await, sta.clientes().registrar(natural()).await);
    let paths = [
        format!("/ingesta/consulta-por-id/{ingesta}"),
        format!("/clientes/consulta-por-id/{cliente}"),
        format!("/clientes/{cliente}/expediente"),
        "/ingesta/todas?limite=5".to_owned(),
    ];
    // Enough requests that each thread of the server reads everything.
    let read_all = async || {
        for path in paths.iter().cycle().take(40) {
            let (status, answer) = sta.get(path).await.unwrap();
            assert_eq!(status, 200, "{path}: {answer}");
        }
    };
    for how in ["INT", "KILL"] {
        read_all().await;
        let before = sta.postgres_pid().unwrap();
        signal(before, how);
        eventually("PostgreSQL is there again", || async {
            sta.postgres_pid().filter(|pid| *pid != before)?;
            Sessions::of(home.path()).await.map(drop)
        })
        .await;
        create(&sta).await;
        read_all().await;
    }
    assert_eq!(sta.stop().await.0, 0);
}
