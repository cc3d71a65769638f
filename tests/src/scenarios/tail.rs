//! Scenarios of `events tail`, beside a running server and without one.

use crate::{
    place::Place,
    sta::{Sta, signal},
};
use eventually::eventually;
use serde_json::json;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::io::{AsyncBufReadExt, BufReader};

const TOPIC: &str = "eventos-ingesta";

async fn create(sta: &Sta) -> String {
    let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
    let (status, answer) = sta.post("/ingesta/crear-ingesta-comando", &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

pub async fn every_event_is_shown_once_with_its_cloudevents_headers_and_a_plain_value(place: &Place) {
    let sta = place.start().await;
    let (client, url) = sta.raw("/ingesta/crear-ingesta-comando");
    let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = client.post(url).header("x-correlation-id", "c-42").header("traceparent", trace);
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["x-correlation-id"], "c-42");
    let id = answer.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let alert = json!({ "id_ingesta": id, "motivo": "borrosa" });
    assert_eq!(sta.post("/ingesta/alertar-ingesta-comando", &alert).await.unwrap().0, 202);
    let all = eventually("both are relayed", || async {
        let all = place.published(TOPIC).await;
        (all.len() >= 2).then_some(all)
    })
    .await;
    assert_eq!(sta.stop().await.0, 0);
    assert_eq!(place.published(TOPIC).await, all, "the same without a server");
    assert_eq!(all.len(), 2);
    let (created, alerted) = (&all[0], &all[1]);
    assert_eq!((&created["topic"], &created["key"]), (&json!(TOPIC), &json!(id)));
    assert_eq!(created["partition"], alerted["partition"], "a key stays in its partition");
    assert!(created["offset"].as_i64() < alerted["offset"].as_i64());
    let headers = &created["headers"];
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_source", "/sta/ingesta"),
        ("ce_type", "sta.ingesta.v1.IngestaCreada"),
        ("ce_subject", &id),
        ("ce_sequence", "1"),
        ("ce_aggregateversion", "1"),
        ("ce_correlationid", "c-42"),
        ("traceparent", trace),
        ("content-type", "application/avro"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let value = &created["value"];
    assert_eq!((&value["id_ingesta"], &value["estado"]), (&json!(id), &json!("Creada")));
    assert!(value["fecha"].as_str().unwrap().ends_with('Z'), "a time is RFC 3339: {value}");
    assert_eq!(alerted["value"]["motivo"], "borrosa", "a union is unwrapped");
}

pub async fn a_missing_topic_is_reported_and_a_reader_that_leaves_ends_the_tail(place: &Place) {
    for _ in 0..2 {
        let tail = place.command().args(["events", "tail", "eventos-nada", "--from-beginning"]).output().await.unwrap();
        let told = String::from_utf8(tail.stderr).unwrap();
        assert!(told.contains("there is no topic eventos-nada yet"), "{told}");
        assert_eq!(tail.status.code(), Some(1));
    }
    let record = json!({ "id_ingesta": uuid::Uuid::now_v7(), "motivo": null }).to_string();
    place.send("comandos-ingesta", "EliminarIngesta", &[], &record).await.unwrap();
    let mut tail = place.command();
    tail.args(["events", "tail", "comandos-ingesta", "--from-beginning", "--follow"]).kill_on_drop(true);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(tail.stdout.take());
    let ended = tokio::time::timeout(Duration::from_secs(60), tail.wait_with_output()).await.expect("it ends").unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

pub async fn the_tail_follows_from_the_end_until_it_is_interrupted_and_ends_at_a_limit(place: &Place) {
    let sta = place.start().await;
    create(&sta).await;
    eventually("the first is relayed", || async { (!place.published(TOPIC).await.is_empty()).then_some(()) }).await;
    let mut follow = place.command().args(["events", "tail", TOPIC]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    // The tail begins at the end as of its start, which is some time after the process was spawned.
    let deadline = Instant::now() + Duration::from_secs(30);
    let line = loop {
        create(&sta).await;
        match tokio::time::timeout(Duration::from_millis(500), lines.next_line()).await {
            Ok(line) => break line.unwrap().expect("it goes on"),
            Err(_) => assert!(Instant::now() < deadline, "it shows nothing"),
        }
    };
    let shown: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_ne!(shown["headers"]["ce_sequence"], "1", "what was there before is not shown");
    signal(follow.id().unwrap(), "INT");
    assert!(follow.wait().await.unwrap().success());
    let mut limited = place.command();
    let limited = limited.args(["events", "tail", TOPIC, "--from-beginning", "--follow", "--limit", "1"]).output();
    let limited = limited.await.unwrap();
    assert_eq!(String::from_utf8(limited.stdout).unwrap().lines().count(), 1);
    assert_eq!(sta.stop().await.0, 0);
}
