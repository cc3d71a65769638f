//! Personal data is stored, published and shown, but never logged.

use crate::{clientes::natural, place::Place};
use eventually::eventually;
use serde_json::json;
use uuid::Uuid;

pub async fn no_log_level_shows_personal_data(place: &Place) {
    let sta = place.start_with(&[("RUST_LOG", "trace")]).await;
    let cliente = natural();
    let id = sta.clientes().registrar(cliente.clone()).await;
    assert_eq!(sta.clientes().pedir(&cliente).await.0, 409);
    assert_eq!(sta.clientes().cliente(id).await["email"], cliente["email"]);
    assert_eq!(sta.clientes().lista("todos").await.len(), 1);

    // The same patient comes over HTTP and over the broker, and is searched for.
    let (paciente, by_broker) = ("PACIENTE-4711", Uuid::now_v7());
    let ingesta = json!({ "id_proveedor": "p", "id_paciente": paciente, "url_path": "https://imagenes.example/1" });
    assert_eq!(sta.post("/ingesta/crear-ingesta-comando", &ingesta).await.unwrap().0, 202);
    let mut command = ingesta.clone();
    command["id_ingesta"] = json!(by_broker);
    place.send("comandos-ingesta", "CrearIngesta", &[], &command.to_string()).await.unwrap();
    let of_the_patient = format!("/ingesta/todas?id_paciente={paciente}");
    eventually("both ingestas are found", || async {
        let (_, found) = sta.get(&of_the_patient).await.unwrap();
        (found["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    eventually("the cliente is published", || async {
        (!place.published("eventos-cliente").await.is_empty()).then_some(())
    })
    .await;
    let (client, metrics) = sta.raw("/metrics");
    let metrics = client.get(metrics).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("sta_log_lines_dropped_total 0"), "no line is missing: {metrics}");
    assert_eq!(sta.stop().await.0, 0);

    let log = place.log();
    assert!(log.contains("TRACE"), "the finest level is logged");
    let [email, cedula] =
        ["/email", "/documento/numero"].map(|field| cliente.pointer(field).unwrap().as_str().unwrap());
    for personal in [email, cedula, "Ana María", "Ñáñez", "1990-02-28", paciente] {
        let line = log.lines().find(|line| line.contains(personal));
        assert_eq!(line, None, "{personal} is logged");
    }
}
