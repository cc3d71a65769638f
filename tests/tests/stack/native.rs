//! The full stack without Docker: a killed service comes back with its data.

use serde_json::{Value, json};
use sta_tests::{
    foreign::Foreign,
    sta::signal,
    stack::{Service, Stack, Turn},
};
use std::path::Path;

const TOPIC: &str = "comandos-ingesta";
const RECORD: &str = "sta.ingesta.v1.CrearIngesta";

/// Registers the schema of a record under a subject of its own. Returns the id.
async fn register(stack: &Stack, subject: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/ingesta/v1/CrearIngesta.avsc");
    let body = json!({ "schema": std::fs::read_to_string(file).unwrap() });
    let url = format!("{}/subjects/{subject}/versions", stack.setting("SCHEMA_REGISTRY_URL"));
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    answer.json::<Value>().await.unwrap()["id"].clone()
}

fn crear(number: u32) -> Value {
    let id = format!("019b0000-0000-7000-8000-{number:012}");
    json!({ "id_ingesta": id, "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://a.example/1.dcm" })
}

#[tokio::test]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn each_killed_service_comes_back_with_all_its_data() {
    let stack = Turn::wait().await;
    let foreign = Foreign::install(&stack).await;
    let id = register(&stack, &format!("{TOPIC}-{RECORD}")).await;
    stack.topics().make(TOPIC, 6, &[]).await;
    let mut written = Vec::new();
    for (number, killed) in (1..).zip(Service::ALL) {
        foreign.write(TOPIC, RECORD, &["--cloudevents"], &[crear(number)]).await;
        written.push(crear(number));
        stack.kill(killed).await;
        stack.start(killed).await;
        let mut read = foreign.read(TOPIC, written.len()).await;
        read.sort_by_key(|message| message["key"].to_string());
        assert_eq!(read.iter().map(|message| message["value"].clone()).collect::<Vec<_>>(), written, "{killed:?}");
        assert_eq!(register(&stack, &format!("{TOPIC}-{RECORD}")).await, id, "{killed:?}");
    }
    assert_eq!(read_headers(&foreign).await["ce_type"], RECORD);
}

async fn read_headers(foreign: &Foreign) -> Value {
    foreign.read(TOPIC, 1).await.remove(0)["headers"].take()
}

#[tokio::test]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn stacks_run_side_by_side_and_leave_nothing_behind() {
    let (one, mut other) = tokio::join!(Stack::up(), Stack::up());
    assert_ne!(one.setting("KAFKA_BROKERS"), other.setting("KAFKA_BROKERS"));
    let kafka = one.pid(Service::Kafka).await;
    // A frozen process is taken down, too.
    signal(kafka, "STOP");
    tokio::task::spawn_blocking(move || drop(one)).await.unwrap();
    assert!(is_gone(kafka));
    other.start(Service::Kafka).await;
    let mut all = Vec::new();
    for service in Service::ALL {
        all.push(other.pid(service).await);
    }
    other.interrupt().await;
    assert!(all.into_iter().all(is_gone));
}

/// Returns true if a process has ended, even if it was not reaped yet.
fn is_gone(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.map_or(true, |status| status.lines().any(|line| line.starts_with("State:") && line.contains('Z')))
}
