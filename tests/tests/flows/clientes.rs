//! Flows of `clientes`: its clients, and the reservas that an expediente shows.

use eventually::eventually;
use serde_json::{Value, json};
use sta_tests::{
    clientes::{empresa, natural},
    sta::{Sta, send, tail},
};
use std::path::Path;
use uuid::Uuid;

const RESERVAS: &str = "eventos-reserva";

/// The value of an event about a reserva.
fn reserva(id: Uuid, cliente: Option<Uuid>, estado: &str, version: i64) -> String {
    json!({
        "id_reserva": id, "id_cliente": cliente, "estado": estado, "tipo_vuelo": "solo_ida", "ruta": "BOG-JFK",
        "fecha_salida": "2027-01-01T12:00:00Z", "fecha": "2026-01-01T00:00:00Z", "version": version,
    })
    .to_string()
}

async fn publish(home: &Path, record: &str, options: &[&str], line: &str) {
    send(home, &[], RESERVAS, record, options, line).await.unwrap();
}

async fn shows(sta: &Sta, cliente: Uuid, reserva: Uuid, estado: &str) {
    let shown = || async { sta.clientes().expediente(cliente).await.muestra(reserva, estado).then_some(()) };
    eventually(&format!("the expediente shows {estado}"), shown).await;
}

/// Waits until all events before are handled: publishes a last one with their key and waits until it is shown.
async fn settles(sta: &Sta, home: &Path, key: Uuid) {
    let (cliente, last) = (sta.clientes().registrar(natural()).await, Uuid::now_v7());
    let key = format!("{key}");
    publish(home, "ReservaCreada", &["--key", &key], &reserva(last, Some(cliente), "Pendiente", 1)).await;
    shows(sta, cliente, last, "Pendiente").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cliente_and_its_expediente_are_there_at_once_until_it_leaves() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    for registration in [natural(), empresa()] {
        let id = sta.clientes().registrar(registration.clone()).await;
        let cliente = sta.clientes().cliente(id).await;
        for (member, value) in registration.as_object().unwrap() {
            assert_eq!(&cliente[member], value);
        }
        assert_eq!((&cliente["estado"], &cliente["version"]), (&json!("Activo"), &json!(1)));
        let expediente = sta.clientes().expediente(id).await;
        let expected = json!({
            "id_cliente": id, "estado": "Abierto", "fecha_apertura": cliente["fecha_creacion"], "reservas": [],
            "version": 1,
        });
        assert_eq!(expediente.0, expected);

        assert_eq!(sta.clientes().desactivar(id, "se va").await, (202, json!({ "id": id })));
        assert_eq!(sta.clientes().cliente(id).await["estado"], "Desactivado");
        assert_eq!(sta.clientes().expediente(id).await.estado(), "Cerrado");
        let (status, problem) = sta.clientes().desactivar(id, "se va").await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problemas/transicion-invalida")));
    }
    let other = sta.clientes().registrar(natural()).await;
    let ids = |list: Vec<Value>| list.into_iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(sta.clientes().lista("todos").await).len(), 3);
    assert!(!ids(sta.clientes().lista("desactivados").await).contains(&json!(other)));
    let published = eventually("everything is published", || async {
        let published = tail(home.path(), &[], "eventos-cliente").await;
        (published.len() == 5).then_some(published)
    });
    let published = published.await;
    let of = |record: &str| published.iter().filter(|one| one["headers"]["ce_type"] == record).collect::<Vec<_>>();
    assert_eq!(of("sta.clientes.v1.ClienteRegistrado").len(), 3);
    for left in of("sta.clientes.v1.ClienteDesactivado") {
        assert_eq!((&left["value"]["motivo"], &left["headers"]["ce_aggregateversion"]), (&json!("se va"), &json!("2")));
        assert_eq!(left["key"], left["value"]["id_cliente"]);
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_or_a_document_is_taken_once_in_every_process() {
    let home = tempfile::tempdir().unwrap();
    let one = Sta::start(home.path(), &[]).await;
    let two = Sta::start(home.path(), &[]).await;
    let taken = natural();
    let id = one.clientes().registrar(taken.clone()).await;
    assert_eq!(one.clientes().desactivar(id, "se va").await.0, 202);
    let (mut same_email, mut same_document) = (natural(), natural());
    same_email["email"] = taken["email"].as_str().unwrap().to_uppercase().into();
    same_document["documento"] = taken["documento"].clone();
    for (body, slug) in [(same_email, "email-registrado"), (same_document, "documento-registrado")] {
        for sta in [&one, &two] {
            let (status, problem) = sta.clientes().pedir(&body).await;
            assert_eq!((status, &problem["type"]), (409, &json!(format!("/problemas/{slug}"))), "{problem}");
        }
    }
    // Both values are taken, many times: one of them is named.
    for _ in 0..20 {
        let (here, mut there) = (natural(), natural());
        there["email"] = here["email"].clone();
        let answers = tokio::join!(one.clientes().pedir(&here), two.clientes().pedir(&there));
        let mut statuses = [answers.0.0, answers.1.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{answers:?}");
    }
    assert_eq!(two.clientes().lista("todos").await.len(), 21);
    assert_eq!(one.stop().await.0, 0);
    assert_eq!(two.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expediente_shows_the_reservas_of_its_cliente_even_when_it_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (cliente, other) = (sta.clientes().registrar(natural()).await, sta.clientes().registrar(natural()).await);
    let (paid, cancelled, nobodys) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    publish(home.path(), "ReservaCreada", &[], &reserva(nobodys, None, "Pendiente", 1)).await;
    publish(home.path(), "ReservaCreada", &[], &reserva(paid, Some(cliente), "Pendiente", 1)).await;
    shows(&sta, cliente, paid, "Pendiente").await;
    publish(home.path(), "ReservaAprobada", &[], &reserva(paid, Some(cliente), "Aprobada", 2)).await;
    shows(&sta, cliente, paid, "Aprobada").await;
    assert_eq!(sta.clientes().desactivar(cliente, "se va").await.0, 202);
    publish(home.path(), "sta.vuelos.v1.ReservaPagada", &[], &reserva(paid, Some(cliente), "Pagada", 3)).await;
    publish(home.path(), "ReservaCreada", &[], &reserva(cancelled, Some(cliente), "Pendiente", 1)).await;
    publish(home.path(), "ReservaCancelada", &[], &reserva(cancelled, Some(cliente), "Cancelada", 2)).await;
    shows(&sta, cliente, paid, "Pagada").await;
    shows(&sta, cliente, cancelled, "Cancelada").await;
    let expediente = sta.clientes().expediente(cliente).await;
    assert_eq!((expediente.estado(), &expediente.0["version"]), ("Cerrado", &json!(2)));
    let shown = expediente.0["reservas"].as_array().unwrap().iter().find(|one| one["id_reserva"] == paid.to_string());
    let expected = json!({
        "id_reserva": paid, "estado": "Pagada", "ruta": "BOG-JFK", "fecha": "2027-01-01T12:00:00Z",
    });
    assert_eq!(shown, Some(&expected));
    assert_eq!(sta.clientes().expediente(other).await.0["reservas"], json!([]));
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_or_late_changes_nothing_even_over_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (cliente, id) = (sta.clientes().registrar(natural()).await, Uuid::now_v7());
    publish(home.path(), "ReservaAprobada", &["--id", "m-2"], &reserva(id, Some(cliente), "Aprobada", 2)).await;
    shows(&sta, cliente, id, "Aprobada").await;
    let before = sta.clientes().expediente(cliente).await;
    // An older event, the same message again, and another message of the same version.
    publish(home.path(), "ReservaCreada", &[], &reserva(id, Some(cliente), "Pendiente", 1)).await;
    publish(home.path(), "ReservaAprobada", &["--id", "m-2"], &reserva(id, Some(cliente), "Aprobada", 2)).await;
    publish(home.path(), "ReservaCancelada", &[], &reserva(id, Some(cliente), "Cancelada", 2)).await;
    settles(&sta, home.path(), id).await;
    assert_eq!(sta.clientes().expediente(cliente).await, before);
    assert_eq!(sta.stop().await.0, 0);
    publish(home.path(), "ReservaCreada", &[], &reserva(id, Some(cliente), "Pendiente", 1)).await;
    let sta = Sta::start(home.path(), &[]).await;
    settles(&sta, home.path(), id).await;
    assert_eq!(sta.clientes().expediente(cliente).await, before);
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_alone_is_a_service_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let clientes = Sta::start(home.path(), &[("STA_CONTEXTS", "clientes")]).await;
    let cliente = clientes.clientes().registrar(natural()).await;
    assert_eq!(clientes.clientes().expediente(cliente).await.estado(), "Abierto");
    assert_eq!(clientes.get("/ingesta/todas").await.unwrap().0, 404);
    let ingesta = Sta::start(home.path(), &[("STA_CONTEXTS", "ingesta")]).await;
    assert_eq!(ingesta.get("/ingesta/todas").await.unwrap().0, 200);
    assert_eq!(ingesta.get("/clientes/todos").await.unwrap().0, 404);
    let id = Uuid::now_v7();
    publish(home.path(), "ReservaCreada", &[], &reserva(id, Some(cliente), "Pendiente", 1)).await;
    shows(&clientes, cliente, id, "Pendiente").await;
    assert_eq!(clientes.stop().await.0, 0);
    assert_eq!(ingesta.stop().await.0, 0);
}
