//! Commands, and what is read afterwards.

use crate::server::{Vuelos, bog_jfk, para};
use actix_web::{http::header::IF_NONE_MATCH, test::TestRequest};
use serde_json::json;

#[actix_web::test]
async fn the_bodies_of_the_original_are_answered_as_by_the_original() {
    let vuelos = Vuelos::start().await;
    let told = vuelos.server().post("/vuelos/reserva", bog_jfk()).await;
    assert_eq!(told.status, 201, "{told:?}");
    let id = told.body["id"].as_str().unwrap();
    assert_eq!(told.headers["location"], format!("/vuelos/reserva/{id}"));
    assert_eq!(told.body["itinerarios"], bog_jfk()["itinerarios"]);
    let derived = ["id_cliente", "estado", "tipo_vuelo", "ruta", "fecha_salida", "motivo", "version"];
    let expected = json!([null, "Pendiente", "solo_ida", "BOG-JFK", "2022-11-22T13:10:00Z", null, 1]);
    assert_eq!(json!(derived.map(|member| &told.body[member])), expected);
    assert_eq!(told.body["pasajeros"], json!([{"tipo": "Adulto", "clase": "Economica"}]));
    for uri in [format!("/vuelos/reserva/{id}"), format!("/vuelos/reserva-query/{id}")] {
        let read = vuelos.server().get(&uri).await;
        assert_eq!((read.status, read.headers["etag"].as_str(), &read.body), (200, "\"1\"", &told.body));
    }
    let answer = vuelos.server().post("/vuelos/reserva-comando", bog_jfk()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(vuelos.server().get(&answer.headers["location"]).await.body["id"], answer.body["id"]);
}

#[actix_web::test]
async fn all_that_was_asked_for_is_kept() {
    let vuelos = Vuelos::start().await;
    let mut body = para("0198c0de-0000-7000-8000-0000000000c1");
    let mut vuelta = body["itinerarios"][0]["odos"][0].clone();
    let leg = &mut vuelta["segmentos"][0]["legs"][0];
    (leg["origen"], leg["destino"]) = (leg["destino"].clone(), leg["origen"].clone());
    (leg["fecha_salida"], leg["fecha_llegada"]) = (json!("2022-12-01T00:00:00.123456Z"), json!("2022-12-01T06:00:00Z"));
    body["itinerarios"][0]["odos"].as_array_mut().unwrap().push(vuelta);
    body["pasajeros"] = json!([{"tipo": "Infante", "clase": "Premium"}, {"tipo": "Adulto", "clase": "Ejecutiva"}]);
    let read = vuelos.por_id(&vuelos.reservar(&body).await).await.body;
    for member in ["itinerarios", "pasajeros", "id_cliente"] {
        assert_eq!(read[member], body[member]);
    }
    assert_eq!(read["tipo_vuelo"], "ida_y_vuelta");
}

#[actix_web::test]
async fn a_reserva_goes_through_its_life() {
    let vuelos = Vuelos::start().await;
    for steps in
        [&[("aprobar", "Aprobada"), ("pagar", "Pagada")][..], &[("aprobar", "Aprobada"), ("cancelar", "Cancelada")]]
    {
        let id = vuelos.reservar(&bog_jfk()).await;
        for ((verb, estado), version) in steps.iter().zip(2..) {
            let answer = vuelos.cambiar(verb, &id).await;
            assert_eq!((answer.status, &answer.body), (202, &json!({"id": id})), "{answer:?}");
            let reserva = vuelos.por_id(&id).await.body;
            assert_eq!((&reserva["estado"], &reserva["version"]), (&json!(estado), &json!(version)));
            let motivo = if *verb == "cancelar" { json!("ya no viaja") } else { json!(null) };
            assert_eq!(reserva["motivo"], motivo, "a motivo that is not needed is not kept");
            assert_eq!(reserva["itinerarios"], bog_jfk()["itinerarios"]);
        }
    }
}

#[actix_web::test]
async fn a_change_that_the_business_forbids_is_refused() {
    let vuelos = Vuelos::start().await;
    let id = vuelos.reservar(&bog_jfk()).await;
    vuelos.cambiar("pagar", &id).await.refuses(422, "transicion-invalida", &[]);
    assert_eq!(vuelos.cambiar("cancelar", &id).await.status, 202);
    for verb in ["aprobar", "pagar", "cancelar"] {
        let answer = vuelos.cambiar(verb, &id).await;
        answer.refuses(422, "transicion-invalida", &[]);
    }
    assert_eq!(vuelos.por_id(&id).await.body["version"], 2);
}

#[actix_web::test]
async fn an_unknown_id_is_not_found() {
    let vuelos = Vuelos::start().await;
    let nobody = "0198c0de-0000-7000-8000-000000000001";
    for answer in [vuelos.por_id(nobody).await, vuelos.cambiar("aprobar", nobody).await] {
        answer.refuses(404, "no-encontrado", &[]);
        assert_eq!(answer.body["detail"], format!("No existe la reserva {nobody}"));
    }
}

#[actix_web::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let vuelos = Vuelos::start().await;
    let id = vuelos.reservar(&bog_jfk()).await;
    for uri in [format!("/vuelos/reserva/{id}"), format!("/vuelos/reserva-query/{id}")] {
        let known = TestRequest::get().uri(&uri).insert_header((IF_NONE_MATCH, "\"1\""));
        assert_eq!(vuelos.server().call(known).await.status, 304);
    }
}

#[actix_web::test]
async fn the_event_of_a_command_is_in_the_log_with_the_request_that_caused_it() {
    let vuelos = Vuelos::start().await;
    let id = vuelos.reservar(&bog_jfk()).await;
    let request = TestRequest::post().uri("/vuelos/cancelar-reserva-comando");
    let request = request.insert_header(("x-correlation-id", "abc-7"));
    let body = json!({"id_reserva": id, "motivo": "ya no viaja"});
    assert_eq!(vuelos.server().call(request.set_json(body)).await.status, 202);
    let logged = vuelos.0.logged(&id).await;
    let records: Vec<_> = logged.iter().map(|one| (one.record.as_str(), one.aggregate_version)).collect();
    assert_eq!(records, [("sta.vuelos.v1.ReservaCreada", Some(1)), ("sta.vuelos.v1.ReservaCancelada", Some(2))]);
    assert_eq!(logged[1].correlation_id, "abc-7");
}
