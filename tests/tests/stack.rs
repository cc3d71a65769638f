//! The real stack: the real binary with Kafka, a schema registry and PostgreSQL, and a foreign client.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "stack/away.rs"]
mod away;
#[path = "stack/conformance.rs"]
mod conformance;
#[path = "stack/foreign.rs"]
mod foreign;
#[path = "stack/kills.rs"]
mod kills;
#[path = "stack/native.rs"]
mod native;
#[path = "stack/registry.rs"]
mod registry;
#[path = "stack/replicas.rs"]
mod replicas;
#[path = "stack/sasl.rs"]
mod sasl;
#[path = "stack/slow.rs"]
mod slow;
#[path = "stack/topics.rs"]
mod topics;
#[path = "stack/withheld.rs"]
mod withheld;

use eventually::eventually;
use serde_json::{Value, json};
use sta_tests::{place::Place, sta::Sta};

sta_tests::scenarios!(Place::on_the_stack, ignore = "needs a JDK, Maven and Python: just test-stack");

/// Creates an ingesta and returns its id. Only the database is needed for that.
async fn create(sta: &Sta, url_path: &str) -> String {
    let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": url_path });
    let (status, answer) = sta.post("/ingesta/crear-ingesta-comando", &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn change(sta: &Sta, name: &str, id: &str) {
    let body = json!({ "id_ingesta": id, "motivo": "porque si" });
    let (status, answer) = sta.post(&format!("/ingesta/{name}-ingesta-comando"), &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
}

/// Waits until commands are accepted. Returns the report of readiness about the context.
async fn ready(sta: &Sta) -> Value {
    eventually("commands can be committed", || async {
        let (status, mut ready) = sta.get("/health/ready").await.unwrap();
        (status == 200).then(|| ready["contexts"]["ingesta"].take())
    })
    .await
}

/// Waits until readiness reports something about the context.
async fn tells(sta: &Sta, what: &str, is_so: impl Fn(&Value) -> bool) {
    eventually(what, || async { is_so(&ready(sta).await).then_some(()) }).await;
}

/// Waits until this many events are published, each once, and returns them.
async fn said(place: &Place, count: usize) -> Vec<Value> {
    let said = eventually("the events are published", || async {
        let said = place.published("eventos-ingesta").await;
        (said.len() >= count).then_some(said)
    });
    let said = said.await;
    assert_eq!(said.len(), count, "no more than happened");
    said
}
