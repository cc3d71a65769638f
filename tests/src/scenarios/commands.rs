//! Scenarios of commands to `ingesta` over the topic `comandos-ingesta`.

use crate::{
    place::Place,
    sta::{Sta, signal},
};
use eventually::eventually;
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

const COMMANDS: &str = "comandos-ingesta";
const EVENTS: &str = "eventos-ingesta";

fn create(id: Uuid) -> String {
    json!({ "id_ingesta": id, "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/1" }).to_string()
}

async fn state(sta: &Sta, id: Uuid) -> Option<String> {
    let (status, ingesta) = sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.unwrap();
    (status == 200).then(|| ingesta["estado"].as_str().unwrap().to_owned())
}

async fn reaches(sta: &Sta, id: Uuid, estado: &str) {
    eventually(estado, || async { (state(sta, id).await.as_deref() == Some(estado)).then_some(()) }).await;
}

/// Waits for this many events of an ingesta and returns them.
async fn events(place: &Place, id: Uuid, expected: usize) -> Vec<Value> {
    let id = id.to_string();
    let all = eventually("the events are there", || async {
        let mut all = place.published(EVENTS).await;
        all.retain(|message| message["key"] == id.as_str());
        (all.len() >= expected).then_some(all)
    });
    let all = all.await;
    assert_eq!(all.len(), expected, "{all:?}");
    all
}

pub async fn every_command_from_the_broker_is_handled_in_order(place: &Place) {
    let sta = place.start().await;
    let id = Uuid::now_v7();
    place.send(COMMANDS, "CrearIngesta", &["--header", "ce_correlationid=c-7"], &create(id)).await.unwrap();
    reaches(&sta, id, "Creada").await;
    let change = json!({ "id_ingesta": id, "motivo": "porque si" }).to_string();
    for record in ["IniciarProcesamiento", "sta.ingesta.v1.AlertarIngesta", "FinalizarIngesta", "EliminarIngesta"] {
        place.send(COMMANDS, record, &[], &change).await.unwrap();
    }
    reaches(&sta, id, "Eliminada").await;
    let said = events(place, id, 5).await;
    assert_eq!(said[0]["headers"]["ce_correlationid"], "c-7", "the events of a command have its correlation id");
    assert_eq!(said[2]["value"]["motivo"], "porque si");
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn the_same_message_twice_has_one_effect_even_over_a_restart(place: &Place) {
    let sta = place.start().await;
    let (id, change) = (Uuid::now_v7(), |id: Uuid| json!({ "id_ingesta": id, "motivo": "m" }).to_string());
    for _ in 0..3 {
        place.send(COMMANDS, "CrearIngesta", &["--id", "m-1"], &create(id)).await.unwrap();
    }
    reaches(&sta, id, "Creada").await;
    assert_eq!(sta.stop().await.0, 0);
    place.send(COMMANDS, "CrearIngesta", &["--id", "m-1"], &create(id)).await.unwrap();
    place.send(COMMANDS, "AlertarIngesta", &["--id", "m-2"], &change(id)).await.unwrap();
    let sta = place.start().await;
    reaches(&sta, id, "Alertada").await;
    // Not even a refusal of the taken id: the message was never new.
    events(place, id, 2).await;
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn a_command_that_the_business_refuses_is_answered(place: &Place) {
    let sta = place.start().await;
    let (id, unknown) = (Uuid::now_v7(), Uuid::now_v7());
    place.send(COMMANDS, "CrearIngesta", &[], &create(id)).await.unwrap();
    reaches(&sta, id, "Creada").await;
    let finish = json!({ "id_ingesta": id }).to_string();
    let bad = json!({ "id_ingesta": id, "id_proveedor": "", "id_paciente": "x", "url_path": "no" }).to_string();
    place.send(COMMANDS, "CrearIngesta", &["--id", "taken"], &create(id)).await.unwrap();
    place.send(COMMANDS, "FinalizarIngesta", &["--id", "early"], &finish).await.unwrap();
    place.send(COMMANDS, "CrearIngesta", &["--id", "bad"], &bad).await.unwrap();
    let lost = json!({ "id_ingesta": unknown, "motivo": "m" }).to_string();
    place.send(COMMANDS, "AlertarIngesta", &["--id", "lost"], &lost).await.unwrap();
    let refused: Vec<_> =
        events(place, id, 4).await.into_iter().skip(1).map(|message| message["value"].clone()).collect();
    let told: Vec<_> = refused
        .iter()
        .map(|value| {
            (
                value["id_comando"].as_str().unwrap(),
                value["comando"].as_str().unwrap(),
                value["regla"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("taken", "CrearIngesta", "id-ya-existe"),
        ("early", "FinalizarIngesta", "transicion-invalida"),
        ("bad", "CrearIngesta", "id-proveedor-valido"),
    ];
    assert_eq!(told, expected);
    assert_eq!(events(place, unknown, 1).await[0]["value"]["regla"], "no-encontrado");
    assert_eq!(state(&sta, id).await.as_deref(), Some("Creada"));
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn a_text_from_the_broker_is_normalized_or_refused_as_over_http(place: &Place) {
    let sta = place.start().await;
    let (id, unseen) = (Uuid::now_v7(), Uuid::now_v7());
    let of = |id: Uuid, paciente: &str| {
        let url = "https://imagenes.example/1.dcm";
        json!({ "id_ingesta": id, "id_proveedor": "p", "id_paciente": paciente, "url_path": url }).to_string()
    };
    place.send(COMMANDS, "CrearIngesta", &[], &of(id, "Jose\u{301}")).await.unwrap();
    place.send(COMMANDS, "CrearIngesta", &[], &of(unseen, "\u{2800}")).await.unwrap();
    reaches(&sta, id, "Creada").await;
    let (_, found) = sta.get("/ingesta/todas?id_paciente=Jose%CC%81").await.unwrap();
    assert_eq!((&found["items"][0]["id"], &found["items"][0]["id_paciente"]), (&json!(id), &json!("José")));
    assert_eq!(events(place, id, 1).await[0]["value"]["id_paciente"], "José");
    assert_eq!(events(place, unseen, 1).await[0]["value"]["regla"], "id-paciente-valido");
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn a_value_that_does_not_fit_is_not_sent_and_the_reason_is_printed(place: &Place) {
    let id = Uuid::now_v7();
    for (record, line, told) in [
        ("CrearIngesta", json!({ "id_ingesta": id }).to_string(), "id_proveedor is missing"),
        ("AlertarIngesta", json!({ "id_ingesta": "no" }).to_string(), "must be a UUID"),
        ("AlertarIngesta", "{".to_owned(), "not JSON"),
        ("Nada", "{}".to_owned(), "no record Nada"),
    ] {
        let refused = place.send(COMMANDS, record, &[], &line).await.unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
    assert!(place.published(COMMANDS).await.is_empty());
    let refused = place.send(EVENTS, "CrearIngesta", &[], &create(id)).await.unwrap_err();
    assert!(refused.contains("belongs to the topic comandos-ingesta, not to eventos-ingesta"), "{refused}");
    assert!(place.published(EVENTS).await.is_empty());
    place.send(EVENTS, "CrearIngesta", &["--force"], &create(id)).await.unwrap();
    assert_eq!(place.published(EVENTS).await.len(), 1);
}

pub async fn a_line_leaves_at_once_and_a_signal_ends_the_sending(place: &Place) {
    let mut send = place.command();
    send.args(["events", "send", COMMANDS, "CrearIngesta"]).kill_on_drop(true);
    let mut send = send.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = send.stdin.take().unwrap();
    for n in 1..=2 {
        stdin.write_all(format!("{}\n", create(Uuid::now_v7())).as_bytes()).await.unwrap();
        eventually("the line is sent", || async { (place.published(COMMANDS).await.len() == n).then_some(()) }).await;
    }
    signal(send.id().unwrap(), "TERM");
    let ended = tokio::time::timeout(Duration::from_secs(60), send.wait()).await.expect("it ends with stdin open");
    assert!(ended.unwrap().success());
    drop(stdin);
}

pub async fn two_processes_share_the_work_and_do_it_once(place: &Place) {
    let one = place.start().await;
    let two = place.start().await;
    let ids: Vec<_> = (0..60).map(|_| Uuid::now_v7()).collect();
    let lines: Vec<_> = ids.iter().map(|id| create(*id)).collect();
    place.send(COMMANDS, "CrearIngesta", &[], &lines.join("\n")).await.unwrap();
    for id in &ids {
        reaches(&two, *id, "Creada").await;
    }
    one.kill().await;
    let change: Vec<_> = ids.iter().map(|id| json!({ "id_ingesta": id, "motivo": "m" }).to_string()).collect();
    place.send(COMMANDS, "AlertarIngesta", &[], &change.join("\n")).await.unwrap();
    for id in &ids {
        reaches(&two, *id, "Alertada").await;
    }
    let all = eventually("everything is published", || async {
        let all = place.published(EVENTS).await;
        (all.len() >= 120).then_some(all)
    });
    assert_eq!(all.await.len(), 120, "each effect once");
    assert_eq!(two.stop().await.0, 0);
}
