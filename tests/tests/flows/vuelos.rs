//! Flows of `vuelos`: its clients, commands over `comandos-reserva`, and a cliente that leaves.

use eventually::eventually;
use serde_json::{Value, json};
use sta_tests::{
    sta::{Sta, send, tail},
    vuelos::{bog_jfk, para},
};
use std::path::Path;
use uuid::Uuid;

const COMMANDS: &str = "comandos-reserva";
const EVENTS: &str = "eventos-reserva";

async fn reaches(sta: &Sta, reserva: Uuid, estado: &str) {
    let reached = || async {
        let found = sta.vuelos().buscar(reserva).await?;
        (found["estado"] == estado).then_some(())
    };
    eventually(&format!("the reserva is {estado}"), reached).await;
}

/// Waits for this many messages about a reserva and returns their values.
async fn published(home: &Path, reserva: Uuid, expected: usize) -> Vec<Value> {
    let key = reserva.to_string();
    let all = eventually("the events are there", || async {
        let mut all = tail(home, &[], EVENTS).await;
        all.retain(|message| message["key"] == key.as_str());
        (all.len() >= expected).then_some(all)
    });
    let all: Vec<_> = all.await.into_iter().map(|message| message["value"].clone()).collect();
    assert_eq!(all.len(), expected, "{all:?}");
    all
}

/// Publishes that a cliente left, as its context does.
async fn leaves(home: &Path, cliente: Uuid, options: &[&str]) {
    let left = json!({ "id_cliente": cliente, "motivo": "se va", "fecha": "2026-01-01T00:00:00Z" }).to_string();
    send(home, &[], "eventos-cliente", "ClienteDesactivado", options, &left).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn flights_are_booked_approved_paid_and_cancelled_as_in_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (client, url) = sta.raw("/vuelos/reserva");
    let booked = client.post(url).json(&bog_jfk()).send().await.unwrap();
    assert_eq!(booked.status(), 201);
    let location = booked.headers()["location"].to_str().unwrap().to_owned();
    let told: Value = booked.json().await.unwrap();
    assert_eq!(location, format!("/vuelos/reserva/{}", told["id"].as_str().unwrap()));
    for path in [location.clone(), location.replace("/reserva/", "/reserva-query/")] {
        assert_eq!(sta.get(&path).await.unwrap(), (200, told.clone()), "{path}");
    }
    let cliente = Uuid::now_v7();
    let paid = sta.vuelos().reservar(&para(cliente)).await;
    let cancelled = sta.vuelos().reservar(&para(cliente)).await;
    for (verb, reserva) in [("aprobar", paid), ("pagar", paid), ("aprobar", cancelled), ("cancelar", cancelled)] {
        sta.vuelos().cambiar(verb, reserva).await;
    }
    for (verb, reserva) in [("cancelar", paid), ("aprobar", paid), ("pagar", cancelled), ("cancelar", cancelled)] {
        let (status, problem) = sta.vuelos().pedir(verb, reserva).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problemas/transicion-invalida")), "{verb}");
    }
    let ids = |list: Vec<Value>| list.into_iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    for (list, expected) in [
        ("reservas", vec![json!(cancelled), json!(paid), told["id"].clone()]),
        ("reservas?estado=Pagada", vec![json!(paid)]),
        (&format!("reservas?id_cliente={cliente}"), vec![json!(cancelled), json!(paid)]),
        ("reservas/canceladas", vec![json!(cancelled)]),
        ("reservas/no-pagadas", vec![told["id"].clone()]),
    ] {
        assert_eq!(ids(sta.vuelos().lista(list).await), expected, "{list}");
    }
    let estados = |values: &[Value]| values.iter().map(|value| value["estado"].clone()).collect::<Vec<_>>();
    let of_the_paid = published(home.path(), paid, 3).await;
    assert_eq!(estados(&of_the_paid), ["Pendiente", "Aprobada", "Pagada"]);
    let last = &published(home.path(), cancelled, 3).await[2];
    let fecha = last["fecha"].clone();
    let expected = json!({
        "id_reserva": cancelled, "id_cliente": cliente, "estado": "Cancelada", "tipo_vuelo": "solo_ida", "ruta": "BOG-JFK",
        "fecha_salida": "2022-11-22T13:10:00.000000Z", "motivo": "ya no viaja", "fecha": fecha, "version": 3,
    });
    assert_eq!(last, &expected);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rules_that_a_body_breaks_are_reported_with_their_paths() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let mut body = bog_jfk();
    body["pasajeros"] = json!([{ "tipo": "Menor", "clase": "Primera" }]);
    let leg = body["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0].clone();
    let legs = body["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"].as_array_mut().unwrap();
    legs.extend([leg.clone(), leg]);
    (legs[1]["destino"]["codigo"], legs[2]["destino"]["codigo"]) = (json!("BOG"), json!("jfk"));
    legs[2]["fecha_llegada"] = json!("2022-11-22T13:10:00Z");
    body["itinerarios"].as_array_mut().unwrap().push(json!({ "odos": [] }));
    for route in ["/vuelos/reserva", "/vuelos/reserva-comando"] {
        let (status, problem) = sta.post(route, &body).await.unwrap();
        assert_eq!((status, &problem["type"]), (422, &json!("/problemas/minimo-un-adulto")), "{problem}");
        let told: Vec<_> =
            problem["violations"].as_array().unwrap().iter().map(|one| json!([one["campo"], one["regla"]])).collect();
        let of_leg = |n: usize, field: &str| format!("itinerarios[0].odos[0].segmentos[0].legs[{n}].{field}");
        let expected = [
            json!(["pasajeros", "minimo-un-adulto"]),
            json!([of_leg(1, "origen.codigo"), "tramos-conectados"]),
            json!([of_leg(1, "destino.codigo"), "ruta-valida"]),
            json!([of_leg(2, "fecha_llegada"), "llegada-posterior"]),
            json!([of_leg(2, "destino.codigo"), "codigo-iata"]),
            json!(["itinerarios[1].odos", "minimo-un-tramo"]),
        ];
        assert_eq!(told, expected);
    }
    assert!(sta.vuelos().lista("reservas").await.is_empty(), "nothing was half-done");
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_from_the_broker_is_handled_in_order_or_answered() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (id, unknown) = (Uuid::now_v7(), Uuid::now_v7());
    let mut create = bog_jfk();
    create["id_reserva"] = json!(id);
    let change = json!({ "id_reserva": id, "motivo": "porque si" }).to_string();
    let mut bad = create.clone();
    bad["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0]["destino"]["codigo"] = json!("BOG");
    for (record, message, line) in [
        ("CrearReserva", "m-1", create.to_string()),
        ("CrearReserva", "m-1", create.to_string()),
        ("CrearReserva", "taken", create.to_string()),
        ("CrearReserva", "bad", bad.to_string()),
        ("PagarReserva", "early", change.clone()),
        ("AprobarReserva", "m-2", change.clone()),
        ("sta.vuelos.v1.CancelarReserva", "m-3", change.clone()),
        ("CancelarReserva", "late", change),
        ("AprobarReserva", "lost", json!({ "id_reserva": unknown }).to_string()),
    ] {
        send(home.path(), &[], COMMANDS, record, &["--id", message], &line).await.unwrap();
    }
    let values = published(home.path(), id, 7).await;
    let told: Vec<_> =
        values.iter().map(|value| json!([value["estado"], value["id_comando"], value["regla"]])).collect();
    let expected = json!([
        ["Pendiente", null, null],
        [null, "taken", "id-ya-existe"],
        [null, "bad", "ruta-valida"],
        [null, "early", "transicion-invalida"],
        ["Aprobada", null, null],
        ["Cancelada", null, null],
        [null, "late", "transicion-invalida"],
    ]);
    assert_eq!(json!(told), expected);
    assert_eq!(values[5]["motivo"], "porque si");
    assert_eq!(published(home.path(), unknown, 1).await[0]["regla"], "no-encontrado");
    let reserva = sta.vuelos().buscar(id).await.unwrap();
    assert_eq!(reserva["pasajeros"], json!([{ "tipo": "Adulto", "clase": "Economica" }]));
    assert_eq!(reserva["itinerarios"], create["itinerarios"]);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cliente_that_leaves_cancels_its_pending_reservas_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (cliente, other) = (Uuid::now_v7(), Uuid::now_v7());
    let pending = sta.vuelos().reservar(&para(cliente)).await;
    let approved = sta.vuelos().reservar(&para(cliente)).await;
    sta.vuelos().cambiar("aprobar", approved).await;
    let others = [sta.vuelos().reservar(&para(other)).await, sta.vuelos().reservar(&bog_jfk()).await];
    leaves(home.path(), cliente, &["--id", "m-1", "--header", "ce_correlationid=c-7"]).await;
    reaches(&sta, pending, "Cancelada").await;
    assert_eq!(sta.vuelos().buscar(pending).await.unwrap()["motivo"], "cliente-desactivado");
    // The same message again has no effect: a later reserva stays.
    let since = sta.vuelos().reservar(&para(cliente)).await;
    leaves(home.path(), cliente, &["--id", "m-1"]).await;
    // An event about another cliente with the same key is handled after the first.
    let key = cliente.to_string();
    leaves(home.path(), other, &["--key", &key]).await;
    reaches(&sta, others[0], "Cancelada").await;
    assert_eq!(sta.vuelos().estado(approved).await, "Aprobada");
    assert_eq!(
        (sta.vuelos().estado(others[1]).await, sta.vuelos().estado(since).await),
        ("Pendiente".into(), "Pendiente".into())
    );
    published(home.path(), pending, 2).await;
    let correlated =
        tail(home.path(), &[], EVENTS).await.into_iter().rfind(|message| message["key"] == pending.to_string());
    assert_eq!(correlated.unwrap()["headers"]["ce_correlationid"], "c-7");
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_pending_reservas_are_cancelled_in_parts_even_when_the_process_is_killed_meanwhile() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let cliente = Uuid::now_v7();
    let booked = para(cliente);
    let ids = futures_util::future::join_all((0..300).map(|_| sta.vuelos().reservar(&booked))).await;
    sta.vuelos().cambiar("aprobar", ids[0]).await;
    leaves(home.path(), cliente, &[]).await;
    let begun = || async { (!sta.vuelos().lista("reservas/canceladas").await.is_empty()).then_some(()) };
    eventually("some are given up", begun).await;
    sta.kill().await;
    let sta = Sta::start(home.path(), &[]).await;
    let left = format!("reservas?estado=Pendiente&id_cliente={cliente}");
    eventually("none is left", || async { sta.vuelos().lista(&left).await.is_empty().then_some(()) }).await;
    assert_eq!(sta.vuelos().estado(ids[0]).await, "Aprobada");
    let cancelled = || async {
        let said = tail(home.path(), &[], EVENTS).await;
        let cancelled: Vec<_> = said
            .into_iter()
            .filter(|message| message["value"]["estado"] == "Cancelada")
            .map(|one| one["key"].to_string())
            .collect();
        (cancelled.len() >= 299).then_some(cancelled)
    };
    let mut cancelled = eventually("everything is published", cancelled).await;
    cancelled.sort_unstable();
    cancelled.dedup();
    assert_eq!(cancelled.len(), 299);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_alone_is_a_service_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let vuelos = Sta::start(home.path(), &[("STA_CONTEXTS", "vuelos")]).await;
    let id = vuelos.vuelos().reservar(&bog_jfk()).await;
    assert_eq!(vuelos.vuelos().estado(id).await, "Pendiente");
    assert_eq!(vuelos.get("/ingesta/todas").await.unwrap().0, 404);
    send(home.path(), &[], COMMANDS, "AprobarReserva", &[], &json!({ "id_reserva": id }).to_string()).await.unwrap();
    reaches(&vuelos, id, "Aprobada").await;
    assert_eq!(vuelos.stop().await.0, 0);
}
