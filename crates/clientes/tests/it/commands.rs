//! Commands, and what is read afterwards.

use crate::server::{Clientes, empresa, natural};
use actix_web::{http::header::IF_NONE_MATCH, test::TestRequest};
use serde_json::{Value, json};

#[actix_web::test]
async fn a_new_cliente_is_readable_as_it_was_registered() {
    let clientes = Clientes::start().await;
    for (body, dominio, es_empresarial) in [
        (natural("Ana.Gil@GMail.com", "1020304050"), "gmail.com", false),
        (empresa("contacto@alpes.example", "900123456-8"), "alpes.example", true),
    ] {
        let answer = clientes.pedir(&body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let read = clientes.server().get(&answer.headers["location"]).await;
        assert_eq!((read.status, read.headers["etag"].as_str()), (200, "\"1\""));
        let mut expected = body.clone();
        expected["email"] = body["email"].as_str().unwrap().to_lowercase().into();
        expected["id"] = answer.body["id"].clone();
        expected["fecha_creacion"] = read.body["fecha_creacion"].clone();
        (expected["dominio"], expected["es_empresarial"]) = (dominio.into(), es_empresarial.into());
        (expected["estado"], expected["version"]) = ("Activo".into(), 1.into());
        assert_eq!(read.body, expected);
    }
}

#[actix_web::test]
async fn the_expediente_is_there_at_once_and_closed_at_once() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    let opened = clientes.expediente(&id).await;
    let fecha = clientes.por_id(&id).await.body["fecha_creacion"].clone();
    let expected =
        json!({"id_cliente": id, "estado": "Abierto", "fecha_apertura": fecha, "reservas": [], "version": 1});
    assert_eq!((opened.status, &opened.body), (200, &expected));

    let answer = clientes.desactivar(&id).await;
    assert_eq!((answer.status, &answer.body), (202, &json!({"id": id})), "{answer:?}");
    assert_eq!(answer.headers["location"], format!("/clientes/consulta-por-id/{id}"));
    let cliente = clientes.por_id(&id).await.body;
    assert_eq!((&cliente["estado"], &cliente["version"]), (&json!("Desactivado"), &json!(2)));
    let closed = clientes.expediente(&id).await.body;
    assert_eq!((&closed["estado"], &closed["version"]), (&json!("Cerrado"), &json!(2)));
    assert_eq!(closed["fecha_apertura"], fecha);
}

#[actix_web::test]
async fn a_cliente_leaves_only_once() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    assert_eq!(clientes.desactivar(&id).await.status, 202);
    clientes.desactivar(&id).await.refuses(422, "transicion-invalida", &[]);
    assert_eq!(clientes.por_id(&id).await.body["version"], 2);
}

#[actix_web::test]
async fn of_many_requests_to_deactivate_a_cliente_one_succeeds() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    let answers = futures_util::future::join_all((0..20).map(|_| clientes.desactivar(&id))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!((done.len(), refused.len()), (1, 19));
    refused.iter().for_each(|answer| answer.refuses(422, "transicion-invalida", &[]));
    assert_eq!(clientes.expediente(&id).await.body["version"], 2);
}

#[actix_web::test]
async fn an_unknown_id_is_not_found() {
    let clientes = Clientes::start().await;
    let nobody = "0198c0de-0000-7000-8000-000000000001";
    for answer in [clientes.por_id(nobody).await, clientes.desactivar(nobody).await, clientes.expediente(nobody).await]
    {
        answer.refuses(404, "no-encontrado", &[]);
        assert_eq!(answer.body["detail"], format!("No existe el cliente {nobody}"));
    }
}

#[actix_web::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    let uri = format!("/clientes/consulta-por-id/{id}");
    let known = || TestRequest::get().uri(&uri).insert_header((IF_NONE_MATCH, "\"1\""));
    assert_eq!(clientes.server().call(known()).await.status, 304);
    assert_eq!(clientes.desactivar(&id).await.status, 202);
    let answer = clientes.server().call(known()).await;
    assert_eq!((answer.status, answer.headers["etag"].as_str()), (200, "\"2\""));
}

#[actix_web::test]
async fn the_event_of_a_command_is_in_the_log_with_the_request_that_caused_it() {
    let clientes = Clientes::start().await;
    let id = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    let request = TestRequest::post().uri("/clientes/desactivar-cliente-comando");
    let body: Value = json!({"id_cliente": id, "motivo": "se va"});
    let request = request.insert_header(("x-correlation-id", "abc-7")).set_json(body);
    assert_eq!(clientes.server().call(request).await.status, 202);
    let logged = clientes.0.logged(&id).await;
    let records: Vec<_> = logged.iter().map(|one| (one.record.as_str(), one.aggregate_version)).collect();
    let expected = [("sta.clientes.v1.ClienteRegistrado", Some(1)), ("sta.clientes.v1.ClienteDesactivado", Some(2))];
    assert_eq!(records, expected, "what happens to the expediente stays inside");
    assert_eq!(logged[1].correlation_id, "abc-7");
}
