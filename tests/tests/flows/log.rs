//! The log goes to stderr. The service continues if stderr is full, closed or a pipe without a reader.

use eventually::eventually;
use serde_json::json;
use sta_tests::sta::{Sta, command};
use std::{fs::File, path::Path, process::Stdio, time::Duration};

async fn create(sta: &Sta) {
    let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
    let (status, answer) = sta.post("/ingesta/crear-ingesta-comando", &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
}

/// A server that logs much to `stderr`.
fn serve(home: &Path, stderr: Stdio) -> tokio::process::Command {
    let mut serve = command(home, &[("RUST_LOG", "info,seedwork=debug,tokio_postgres=debug")]);
    serve.arg("serve").stderr(stderr);
    serve
}

/// The number of log lines that a server has dropped.
async fn dropped(sta: &Sta) -> u64 {
    let (client, url) = sta.raw("/metrics");
    let metrics = client.get(url).send().await.unwrap().text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("sta_log_lines_dropped_total "));
    line.unwrap_or_else(|| panic!("the count is missing: {metrics}")).parse().unwrap()
}

async fn serves_and_counts(sta: Sta) {
    create(&sta).await;
    eventually("lines are counted", || async { (dropped(&sta).await > 0).then_some(()) }).await;
    create(&sta).await;
    let (code, took) = sta.stop().await;
    assert!(code == 0 && took < Duration::from_secs(20), "{code} after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_that_do_not_fit_on_a_full_disk_are_dropped_and_counted() {
    let home = tempfile::tempdir().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    serves_and_counts(Sta::run(serve(home.path(), full.into()), home.path()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_to_a_closed_pipe_are_dropped_and_counted() {
    let home = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let sta = Sta::run(serve(home.path(), writer.into()), home.path()).await;
    assert_eq!(dropped(&sta).await, 0);
    drop(reader);
    serves_and_counts(sta).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_without_a_reader_holds_up_no_request() {
    let home = tempfile::tempdir().unwrap();
    let (_reader, writer) = std::io::pipe().unwrap();
    let sta = Sta::run(serve(home.path(), writer.into()), home.path()).await;
    // More lines than a pipe holds and than may wait.
    let load = async {
        while dropped(&sta).await == 0 {
            create(&sta).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(50), load).await.expect("lines are dropped, not waited for");
    serves_and_counts(sta).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_stdout_is_full_serves_and_logs_its_address() {
    let home = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut serve = command(home.path(), &[]);
    serve.arg("serve").stdout(full).stderr(log.reopen().unwrap()).kill_on_drop(true);
    let mut child = serve.spawn().unwrap();
    let address = eventually("it logs its address", || async {
        let log = std::fs::read_to_string(log.path()).unwrap();
        let start = log.find("http://127.0.0.1:")?;
        Some(log[start..].split('"').next()?.to_owned())
    })
    .await;
    eventually("it is ready", || async {
        let ready = reqwest::get(format!("{address}/health/ready")).await.unwrap();
        (ready.status() == 200).then_some(())
    })
    .await;
    sta_tests::sta::signal(child.id().expect("it runs"), "TERM");
    let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it ends in time").unwrap();
    assert_eq!(ended.code(), Some(0));
}
