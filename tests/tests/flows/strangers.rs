//! Malicious clients: the resources that they can hold are bounded, and other clients are served.

use futures_util::future::join_all;
use serde_json::json;
use sta_tests::sta::{Sta, command};
use std::{fmt::Write, pin::pin, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::interval,
};

const CREATE: &str = "/ingesta/crear-ingesta-comando";

/// The resident memory of a process, in MB.
fn resident(sta: &Sta) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sta.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A connection on which these bytes were sent.
async fn sent(sta: &Sta, text: &[u8]) -> TcpStream {
    let (_, url) = sta.raw("");
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(text).await.unwrap();
    stream
}

/// Everything that the server sends until it closes the connection.
async fn answered(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    drop(read.expect("the server closes in time"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of a request, with further fields.
fn head(request: &str, fields: &[(&str, &str)]) -> String {
    let mut head = format!("{request} HTTP/1.1\r\nHost: sta\r\n");
    for (name, value) in fields {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head + "\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_body_holds_no_more_than_what_came_of_it() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[("STA_HTTP_DEADLINE_MS", "2000")]).await;
    let body = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/" });
    assert_eq!(sta.post(CREATE, &body).await.unwrap().0, 202);
    let before = resident(&sta);
    let fields = [("Content-Type", "application/json"), ("Content-Length", "1048576")];
    let begun = head(&format!("POST {CREATE}"), &fields) + &" ".repeat(200);
    let mut strangers = Vec::new();
    for _ in 0..400 {
        strangers.push(sent(&sta, begun.as_bytes()).await);
    }
    let (mut most, mut often) = (0, interval(Duration::from_millis(20)));
    let mut answers = pin!(join_all(strangers.iter_mut().map(answered)));
    let answers = loop {
        tokio::select! {
            answers = &mut answers => break answers,
            _ = often.tick() => most = most.max(resident(&sta)),
        }
    };
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 400 ")), "{}", answers[0]);
    assert!(most < before + 100, "{before} MB became {most} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_served_while_strangers_hold_as_many_connections_as_they_can() {
    let home = tempfile::tempdir().unwrap();
    let serve = command(home.path(), &[]);
    let mut limited = Command::new("sh");
    limited.env_clear().args(["-c", "ulimit -n 256 && exec \"$0\" serve"]).arg(serve.as_std().get_program());
    limited.envs(serve.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    let sta = Sta::run(limited, home.path()).await;
    // Each connection has an answer and begins a head that does not end.
    let begun = head("GET /health", &[]) + "G";
    let mut strangers = Vec::new();
    let body = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/" });
    for n in 0..320 {
        strangers.push(sent(&sta, begun.as_bytes()).await);
        if n % 32 == 0 {
            let served = tokio::time::timeout(Duration::from_secs(4), sta.post(CREATE, &body)).await;
            assert_eq!(served.expect("it is served in time").unwrap().0, 202, "{n}");
        }
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_http_are_a_problem_and_counted() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let long = head("GET /health", &[("x", &"x".repeat(300_000))]);
    for (text, status) in [("\0\r\n\r\n", "400"), (&long, "431")] {
        let said = answered(&mut sent(&sta, text.as_bytes()).await).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(said.contains("application/problem+json") && said.contains("\"error\":"), "{said}");
        let (client, url) = sta.raw("/metrics");
        let metrics = client.get(url).send().await.unwrap().text().await.unwrap();
        let counted = format!("sta_http_requests_total{{method=\"other\",route=\"-\",status=\"{status}\"}} 1");
        assert!(metrics.contains(&counted), "{metrics}");
    }
    assert_eq!(sta.stop().await.0, 0);
}
