//! Readiness and metrics of a process with any tasks.

use eventually::eventually;
use serde_json::json;
use sta_tests::sta::{Frozen, Sta, command, database};
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

const INGESTA: &str = "/ingesta/crear-ingesta-comando";

fn ingesta() -> serde_json::Value {
    json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://imagenes.example/1" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_http_serves_health_readiness_and_metrics_only() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[("STA_TASKS", "relay,consumers")]).await;
    sta.becomes_ready().await;
    for path in ["/health", "/metrics"] {
        assert_eq!(sta.get(path).await.unwrap().0, 200, "{path}");
    }
    let (client, url) = sta.raw("/metrics");
    let metrics = client.get(url).send().await.unwrap().text().await.unwrap();
    // The processor time is counted in whole seconds.
    for name in [
        "process_open_fds",
        "process_max_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_cpu_seconds_total",
    ] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0 || name.contains("cpu")), "{name}: {metrics}");
    }
    for path in ["/spec", "/docs", "/docs/", "/ingesta/health", "/clientes/todos-los-clientes"] {
        assert_eq!(sta.get(path).await.unwrap().0, 404, "{path}");
    }
    assert_eq!(sta.post(INGESTA, &ingesta()).await.unwrap().0, 404);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_http_takes_a_free_port_when_the_default_one_is_taken() {
    let home = tempfile::tempdir().unwrap();
    // Another process on this machine may have the port.
    let _taken = TcpListener::bind("127.0.0.1:5000");
    let mut serve = command(home.path(), &[("STA_TASKS", "relay"), ("STA_LISTEN", ""), ("RUST_LOG", "info")]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let sta = Sta::run(
        {
            serve.arg("serve").stderr(log.reopen().unwrap());
            serve
        },
        home.path(),
    )
    .await;
    sta.becomes_ready().await;
    let (_, address) = sta.raw("");
    let address = address.trim_start_matches("http://");
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.lines().any(|line| line.contains("127.0.0.1:5000") && line.contains(address)), "{log}");
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_reported_before_anything_starts() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for tasks in ["http", "relay"] {
        let settings = [("STA_LISTEN", &*address), ("STA_TASKS", tasks)];
        let refused = command(home.path(), &settings).arg("serve").output().await.unwrap();
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains(&address), "{told}");
        assert!(!home.path().join("postgres").exists(), "no database was made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_database_that_is_read_only_is_not_ready() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let becomes = |status: u16, word: &'static str| {
        let sta = &sta;
        eventually(word, move || async move {
            let (found, ready) = sta.get("/health/ready").await.unwrap();
            (found == status && ready["contexts"]["vuelos"]["database"] == word).then_some(())
        })
    };
    becomes(200, "up").await;
    let client = database(sta.home()).await.unwrap();
    let set = |value: &str| format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
    client.batch_execute(&set("on")).await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    becomes(503, "read-only").await;
    assert_eq!(sta.post(INGESTA, &ingesta()).await.unwrap().0, 503);
    client.batch_execute(&set("off")).await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    becomes(200, "up").await;
    assert_eq!(sta.post(INGESTA, &ingesta()).await.unwrap().0, 202);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_commits_nothing_sees_the_end_of_the_log_that_another_writes() {
    let home = tempfile::tempdir().unwrap();
    let writer = Sta::start(home.path(), &[]).await;
    let idle = Sta::start(home.path(), &[("STA_TASKS", "http,relay")]).await;
    idle.becomes_ready().await;
    for _ in 0..3 {
        assert_eq!(writer.post(INGESTA, &ingesta()).await.unwrap().0, 202);
    }
    eventually("readiness has the end of the log", || async {
        let (_, ready) = idle.get("/health/ready").await.unwrap();
        (ready["contexts"]["ingesta"]["log"] == json!({ "last": 3, "room": 999_997 })).then_some(())
    })
    .await;
    eventually("the metrics have the end of the log", || async {
        let (client, url) = idle.raw("/metrics");
        let metrics = client.get(url).send().await.unwrap().text().await.unwrap();
        let has = |line: &str| metrics.lines().any(|known| known == line);
        (has("sta_log_last{context=\"ingesta\"} 3") && has("sta_log_room{context=\"ingesta\"} 999997")).then_some(())
    })
    .await;
    assert_eq!(idle.stop().await.0, 0);
    assert_eq!(writer.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_of_all_contexts_takes_a_second_while_postgresql_is_frozen() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    sta.becomes_ready().await;
    let frozen = Frozen::postgres_of(&sta);
    // Readiness may be cached for a moment.
    let asked = eventually("it is not ready", || async {
        let asked = Instant::now();
        (sta.get("/health/ready").await.unwrap().0 == 503).then(|| asked.elapsed())
    });
    let took = asked.await;
    assert!(took < Duration::from_millis(2_800), "three contexts, asked together: {took:?}");
    drop(frozen);
    assert_eq!(sta.stop().await.0, 0);
}
