//! Scenarios across contexts: a cliente's reservas are booked in `vuelos` and shown by its expediente in `clientes`.

use crate::{clientes::natural, place::Place, sta::Sta, vuelos::para};
use eventually::eventually;
use serde_json::{Value, json};
use uuid::Uuid;

/// The log level that has a line for each request and each message.
const LOG: (&str, &str) = ("RUST_LOG", "warn,seedwork=debug");

async fn shows(clientes: &Sta, cliente: Uuid, reserva: Uuid, estado: &str) {
    eventually(&format!("the expediente shows {estado}"), || async {
        clientes.clientes().expediente(cliente).await.muestra(reserva, estado).then_some(())
    })
    .await;
}

/// The whole trip, over the server of each context.
async fn round_trip(place: &Place, clientes: &Sta, vuelos: &Sta) {
    let cliente = clientes.clientes().registrar(natural()).await;
    assert_eq!(clientes.clientes().expediente(cliente).await.estado(), "Abierto");
    let [pending, approved] =
        [vuelos.vuelos().reservar(&para(cliente)).await, vuelos.vuelos().reservar(&para(cliente)).await];
    vuelos.vuelos().cambiar("aprobar", approved).await;
    shows(clientes, cliente, pending, "Pendiente").await;
    shows(clientes, cliente, approved, "Aprobada").await;
    let (client, url) = clientes.raw("/clientes/desactivar-cliente-comando");
    let correlation = format!("viaje-{cliente}");
    let body = json!({ "id_cliente": cliente, "motivo": "se va" });
    let answer = client.post(url).header("x-correlation-id", &correlation).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(clientes.clientes().expediente(cliente).await.estado(), "Cerrado");
    shows(clientes, cliente, pending, "Cancelada").await;
    shows(clientes, cliente, approved, "Aprobada").await;
    assert_eq!(vuelos.vuelos().estado(pending).await, "Cancelada");
    assert_eq!(vuelos.vuelos().estado(approved).await, "Aprobada");
    // The events that the request caused have its correlation id, over two contexts and back.
    for (topic, key, record) in [
        ("eventos-cliente", cliente, "sta.clientes.v1.ClienteDesactivado"),
        ("eventos-reserva", pending, "sta.vuelos.v1.ReservaCancelada"),
    ] {
        let messages = place.published(topic).await;
        let of = |message: &&Value| message["key"] == key.to_string() && message["headers"]["ce_type"] == record;
        let message = messages.iter().find(of).unwrap_or_else(|| panic!("{record} is not published"));
        assert_eq!(message["headers"]["ce_correlationid"], correlation, "{message}");
    }
    // So do the log lines of the request and of each of these messages.
    let is_correlated = |line: &Value| line["span"]["correlation_id"] == correlation;
    let answered = |line: &Value| line["message"] == "a request was answered" && is_correlated(line);
    assert!(place.log_lines().iter().any(answered));
    for record in ["sta.clientes.v1.ClienteDesactivado", "sta.vuelos.v1.ReservaCancelada"] {
        let handled = |line: &Value| line["message"] == "a message was handled" && line["kind"] == record;
        let lines = eventually("the message is handled", || async {
            let lines: Vec<_> = place.log_lines().into_iter().filter(handled).collect();
            (!lines.is_empty()).then_some(lines)
        });
        assert!(lines.await.iter().all(is_correlated), "{record}");
    }
}

pub async fn the_pending_reservas_of_a_cliente_that_leaves_are_cancelled_and_its_expediente_shows_it(place: &Place) {
    let sta = place.start_with(&[LOG]).await;
    round_trip(place, &sta, &sta).await;
    assert_eq!(sta.stop().await.0, 0);
}

pub async fn contexts_that_are_processes_of_their_own_work_together_as_in_one(place: &Place) {
    let [clientes, vuelos] = [
        place.start_with(&[LOG, ("STA_CONTEXTS", "clientes")]).await,
        place.start_with(&[LOG, ("STA_CONTEXTS", "vuelos")]).await,
    ];
    assert_eq!(clientes.get("/vuelos/reservas").await.unwrap().0, 404, "it is not there");
    round_trip(place, &clientes, &vuelos).await;
    for sta in [vuelos, clientes] {
        assert_eq!(sta.stop().await.0, 0);
    }
}
