//! Scenarios of a client of `ingesta`.

use crate::{place::Place, sta::Sta};
use eventually::eventually;
use serde_json::{Value, json};

/// Every command that changes an ingesta, with the state that it leads to.
const COMMANDS: [(&str, &str); 6] = [
    ("iniciar-procesamiento", "Pendiente"),
    ("alertar", "Alertada"),
    ("rechazar", "Rechazada"),
    ("finalizar", "Finalizada"),
    ("revertir", "Fallida"),
    ("eliminar", "Eliminada"),
];

/// The states from which a command is allowed, as in the contract.
fn allowed(command: &str) -> &'static [&'static str] {
    match command {
        "iniciar-procesamiento" => &["Creada", "Alertada"],
        "alertar" => &["Creada", "Pendiente"],
        "rechazar" | "revertir" => &["Creada", "Pendiente", "Alertada"],
        "finalizar" => &["Pendiente", "Alertada"],
        _ => &["Creada", "Pendiente", "Alertada", "Rechazada", "Finalizada", "Fallida"],
    }
}

/// The commands that bring a new ingesta to a state.
fn way(state: &str) -> &'static [&'static str] {
    match state {
        "Creada" => &[],
        "Pendiente" => &["iniciar-procesamiento"],
        "Alertada" => &["alertar"],
        "Rechazada" => &["rechazar"],
        "Finalizada" => &["iniciar-procesamiento", "finalizar"],
        "Fallida" => &["revertir"],
        _ => &["eliminar"],
    }
}

async fn create(sta: &Sta, proveedor: &str) -> String {
    let body = json!({ "id_proveedor": proveedor, "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
    let (status, answer) = sta.post("/ingesta/crear-ingesta-comando", &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn command(sta: &Sta, name: &str, id: &str) -> (u16, Value) {
    let body = json!({ "id_ingesta": id, "motivo": "porque si" });
    sta.post(&format!("/ingesta/{name}-ingesta-comando"), &body).await.unwrap()
}

async fn read(sta: &Sta, id: &str) -> Value {
    let (status, ingesta) = sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.unwrap();
    assert_eq!(status, 200, "{ingesta}");
    ingesta
}

pub async fn a_created_ingesta_is_readable_as_in_the_contract(place: &Place) {
    let sta = place.start().await;
    let (client, url) = sta.raw("/ingesta/crear-ingesta-comando");
    // The original's body with a member that is no longer known.
    let body =
        json!({ "id_proveedor": "prov-1", "id_paciente": "pac-1", "url_path": "http://a.example/b?c=1", "x": [] });
    let answer = client.post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/ingesta/consulta-por-id/{id}"));
    let ingesta = read(&sta, &id).await;
    let members: Vec<_> = ingesta.as_object().unwrap().keys().map(String::as_str).collect();
    let mut contract = vec!["id", "id_proveedor", "id_paciente", "url_path", "estado", "fecha_creacion"];
    contract.extend(["fecha_actualizacion", "fecha_eliminacion", "motivo", "version"]);
    contract.sort_unstable();
    let mut sorted = members.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, contract);
    assert_eq!(
        (&ingesta["estado"], &ingesta["version"], &ingesta["motivo"]),
        (&json!("Creada"), &json!(1), &Value::Null)
    );
    assert_eq!(ingesta["url_path"], "http://a.example/b?c=1");
    // An unchanged ingesta is answered with 304.
    let (client, url) = sta.raw(&location);
    let answer = client.get(&url).send().await.unwrap();
    let etag = answer.headers()["etag"].clone();
    assert_eq!(client.get(&url).header("if-none-match", &etag).send().await.unwrap().status(), 304);
    command(&sta, "alertar", &id).await;
    assert_eq!(client.get(&url).header("if-none-match", &etag).send().await.unwrap().status(), 200);
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn every_transition_is_made_or_refused_as_in_the_contract(place: &Place) {
    let sta = place.start().await;
    let states = ["Creada", "Pendiente", "Alertada", "Rechazada", "Finalizada", "Fallida", "Eliminada"];
    let mut done = 0;
    for state in states {
        for (name, to) in COMMANDS {
            let id = create(&sta, "p-1").await;
            for step in way(state) {
                assert_eq!(command(&sta, step, &id).await.0, 202);
            }
            let (status, answer) = command(&sta, name, &id).await;
            let ingesta = read(&sta, &id).await;
            if allowed(name).contains(&state) {
                assert_eq!((status, &ingesta["estado"]), (202, &json!(to)), "{name} from {state}");
                done += 1;
            } else {
                assert_eq!(
                    (status, &answer["type"]),
                    (422, &json!("/problemas/transicion-invalida")),
                    "{name} from {state}"
                );
                assert_eq!(ingesta["estado"], state, "a refused command changes nothing");
            }
        }
    }
    assert_eq!(done, 18);
    let said = eventually("everything is published", || async {
        let messages = place.published("eventos-ingesta").await;
        let kinds: std::collections::BTreeSet<_> =
            messages.iter().map(|message| message["headers"]["ce_type"].as_str().unwrap().to_owned()).collect();
        (kinds.len() == 7).then_some(kinds)
    });
    said.await;
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn thirty_commands_at_once_on_one_ingesta_succeed_or_are_refused_by_the_business_only(place: &Place) {
    let sta = place.start().await;
    let id = create(&sta, "p-1").await;
    let sent = (0..30).map(|n| command(&sta, if n % 2 == 0 { "iniciar-procesamiento" } else { "alertar" }, &id));
    let outcomes = futures_util::future::join_all(sent).await;
    let done = outcomes.iter().filter(|(status, _)| *status == 202).count();
    for (status, answer) in &outcomes {
        let by_the_business = *status == 422 && answer["type"] == "/problemas/transicion-invalida";
        assert!(*status == 202 || by_the_business, "{status} {answer}");
    }
    assert_eq!(read(&sta, &id).await["version"], json!(done + 1));
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn a_list_is_read_page_by_page_newest_first_even_while_others_are_added(place: &Place) {
    let sta = place.start().await;
    let mut created = Vec::new();
    for n in 0..7 {
        created.push(create(&sta, if n % 2 == 0 { "par" } else { "impar" }).await);
    }
    created.reverse();
    let mut seen = Vec::new();
    let mut path = "/ingesta/todas?limite=3".to_owned();
    loop {
        let (status, page) = sta.get(&path).await.unwrap();
        assert_eq!(status, 200, "{page}");
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        create(&sta, "nueva").await;
        match page["siguiente"].as_str() {
            Some(cursor) => path = format!("/ingesta/todas?limite=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, created);
    let count = |path: &'static str| {
        let sta = &sta;
        async move { sta.get(path).await.unwrap().1["items"].as_array().unwrap().len() }
    };
    assert_eq!(count("/ingesta/todas?id_proveedor=par").await, 4);
    assert_eq!(count("/ingesta/todas?id_proveedor=par&id_paciente=x-1&estado=Creada").await, 4);
    assert_eq!(count("/ingesta/todas?id_paciente=nadie").await, 0);
    command(&sta, "eliminar", &created[0]).await;
    assert_eq!(count("/ingesta/todas?id_proveedor=par").await, 3);
    assert_eq!(count("/ingesta/todas?id_proveedor=par&estado=Eliminada").await, 1);
    assert_eq!(read(&sta, &created[0]).await["estado"], "Eliminada");
    assert_eq!(sta.stop().await.0, 0);
}
