//! Between the contexts and back: a cliente's reservas are booked in `vuelos` and shown by its expediente in `clientes`.

use crate::{
    clientes::natural,
    place::Place,
    sta::{Sta, eventually},
    vuelos::para,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Tells of every request and every message.
const LOG: (&str, &str) = ("RUST_LOG", "warn,seedwork=debug");

async fn shows(clientes: &Sta, cliente: Uuid, reserva: Uuid, estado: &str) {
    eventually(&format!("the expediente shows {estado}"), || async {
        clientes.clientes().expediente(cliente).await.muestra(reserva, estado).then_some(())
    })
    .await;
}

/// The whole trip, with the server that has each context.
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
    // What the request led to says so, over two contexts and back.
    for (topic, key, said) in [
        ("eventos-cliente", cliente, "sta.clientes.v1.ClienteDesactivado"),
        ("eventos-reserva", pending, "sta.vuelos.v1.ReservaCancelada"),
    ] {
        let messages = place.said(topic).await;
        let of = |message: &&Value| message["key"] == key.to_string() && message["headers"]["ce_type"] == said;
        let message = messages.iter().find(of).unwrap_or_else(|| panic!("{said} is said"));
        assert_eq!(message["headers"]["ce_correlationid"], correlation, "{message}");
    }
    // And so does every line that is logged on the way: of the request, and of each of these messages.
    let told = |line: &Value| line["span"]["correlation_id"] == correlation;
    let answered = |line: &Value| line["message"] == "a request was answered" && told(line);
    assert!(place.log_lines().iter().any(answered));
    for said in ["sta.clientes.v1.ClienteDesactivado", "sta.vuelos.v1.ReservaCancelada"] {
        let handled = |line: &Value| line["message"] == "a message was handled" && line["kind"] == said;
        let lines = eventually("the message is handled", || async {
            let lines: Vec<_> = place.log_lines().into_iter().filter(handled).collect();
            (!lines.is_empty()).then_some(lines)
        });
        assert!(lines.await.iter().all(told), "{said}");
    }
}

pub async fn a_cliente_that_leaves_gives_its_pending_reservas_up_and_its_expediente_shows_it(place: &Place) {
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
