//! Commands, and what is read afterwards.

use crate::server::Ingestas;
use actix_web::{
    http::{Method, header::IF_NONE_MATCH},
    test::TestRequest,
};
use seedwork::testing::LoggedMessage;
use serde_json::json;

#[actix_web::test]
async fn a_new_ingesta_is_readable_where_the_answer_says() {
    let ingestas = Ingestas::start().await;
    let body = json!({"id_proveedor": "proveedor-7", "id_paciente": "PAC 0042", "url_path": "https://a.example/t.dcm"});
    let answer = ingestas.server().post("/ingesta/crear-ingesta-comando", &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let read = ingestas.server().get(&answer.headers["location"]).await;
    assert_eq!((read.status, read.headers["etag"].as_str()), (200, "\"1\""));
    let ingesta = &read.body;
    assert_eq!(ingesta["id"], answer.body["id"]);
    for member in ["id_proveedor", "id_paciente", "url_path"] {
        assert_eq!(ingesta[member], body[member]);
    }
    assert_eq!((&ingesta["estado"], &ingesta["version"]), (&json!("Creada"), &json!(1)));
    assert_eq!((&ingesta["motivo"], &ingesta["fecha_eliminacion"]), (&json!(null), &json!(null)));
    assert_eq!(ingesta["fecha_creacion"], ingesta["fecha_actualizacion"]);
}

#[actix_web::test]
async fn an_ingesta_goes_through_its_life() {
    let ingestas = Ingestas::start().await;
    let id = ingestas.crear("proveedor-7", "PAC 0042").await;
    for (verb, estado, version) in [
        ("alertar", "Alertada", 2),
        ("iniciar-procesamiento", "Pendiente", 3),
        ("finalizar", "Finalizada", 4),
        ("eliminar", "Eliminada", 5),
    ] {
        let answer = ingestas.cambiar(verb, &id).await;
        assert_eq!((answer.status, &answer.body), (202, &json!({"id": id})), "{answer:?}");
        let ingesta = ingestas.por_id(&id).await.body;
        assert_eq!((&ingesta["estado"], &ingesta["version"]), (&json!(estado), &json!(version)));
        assert_eq!(ingesta["motivo"], "imagen borrosa");
    }
    assert!(ingestas.por_id(&id).await.body["fecha_eliminacion"].is_string());
    for verb in ["rechazar", "revertir"] {
        let id = ingestas.crear("proveedor-7", "PAC 0042").await;
        assert_eq!(ingestas.cambiar(verb, &id).await.status, 202);
    }
}

#[actix_web::test]
async fn a_change_that_the_business_forbids_is_refused() {
    let ingestas = Ingestas::start().await;
    let id = ingestas.crear("proveedor-7", "PAC 0042").await;
    assert_eq!(ingestas.cambiar("eliminar", &id).await.status, 202);
    for verb in ["eliminar", "alertar", "iniciar-procesamiento"] {
        let answer = ingestas.cambiar(verb, &id).await;
        assert_eq!((answer.status, answer.slug()), (422, "transicion-invalida"), "{answer:?}");
    }
    assert_eq!(ingestas.por_id(&id).await.body["version"], 2);
}

#[actix_web::test]
async fn an_unknown_id_is_not_found() {
    let ingestas = Ingestas::start().await;
    let nobody = "0198c0de-0000-7000-8000-000000000001";
    let answers = [ingestas.por_id(nobody).await, ingestas.cambiar("alertar", nobody).await];
    for answer in answers {
        assert_eq!((answer.status, answer.slug()), (404, "no-encontrado"), "{answer:?}");
        assert_eq!(answer.body["detail"], format!("No existe la ingesta {nobody}"));
    }
}

#[actix_web::test]
async fn a_motivo_that_is_not_needed_is_not_looked_at() {
    let ingestas = Ingestas::start().await;
    for motivo in [json!(null), json!(7), json!("")] {
        let id = ingestas.crear("proveedor-7", "PAC 0042").await;
        let body = json!({"id_ingesta": id, "motivo": motivo});
        let answer = ingestas.server().post("/ingesta/eliminar-ingesta-comando", body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

#[actix_web::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let ingestas = Ingestas::start().await;
    let id = ingestas.crear("proveedor-7", "PAC 0042").await;
    let uri = format!("/ingesta/consulta-por-id/{id}");
    let known = |tag| TestRequest::get().uri(&uri).insert_header((IF_NONE_MATCH, tag));
    assert_eq!(ingestas.server().call(known("\"1\"")).await.status, 304);
    assert_eq!(ingestas.server().call(known("\"1\"").method(Method::HEAD)).await.status, 304);
    assert_eq!(ingestas.cambiar("alertar", &id).await.status, 202);
    let answer = ingestas.server().call(known("\"1\"")).await;
    assert_eq!((answer.status, answer.headers["etag"].as_str()), (200, "\"2\""));
}

#[actix_web::test]
async fn the_event_of_a_command_is_in_the_log_with_the_request_that_caused_it() {
    let ingestas = Ingestas::start().await;
    let id = ingestas.crear("proveedor-7", "PAC 0042").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = TestRequest::post().uri("/ingesta/alertar-ingesta-comando");
    let request = request.insert_header(("x-correlation-id", "abc-7")).insert_header(("traceparent", trace));
    let body = json!({"id_ingesta": id, "motivo": "imagen borrosa"});
    assert_eq!(ingestas.server().call(request.set_json(body)).await.status, 202);
    let logged = LoggedMessage {
        record: "sta.ingesta.v1.IngestaAlertada".into(),
        aggregate_version: Some(2),
        correlation_id: "abc-7".into(),
        traceparent: Some(trace.into()),
    };
    assert_eq!(ingestas.0.logged(&id).await.last(), Some(&logged));
}
