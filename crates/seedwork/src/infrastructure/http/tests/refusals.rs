//! Refusals: their status, their problem and their fields.

use super::*;
use crate::application::{self, QueryBus, QueryHandler};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[actix_web::test]
async fn every_media_type_of_json_is_accepted_and_no_other() {
    let typed = |kind: &'static str| post(r#"{"name":"x"}"#).insert_header((CONTENT_TYPE, kind));
    for kind in ["application/json; charset=utf-8", "application/vnd.sta+json", "APPLICATION/JSON;charset=UTF-8"] {
        assert_eq!(answer(typed(kind)).await.0, 202, "{kind}");
    }
    for kind in ["text/plain", "text/json", "application/x-www-form-urlencoded", "application/json;charset=latin1", "x"]
    {
        refused(typed(kind), 415, "tipo-no-admitido").await;
    }
    let untyped = TestRequest::post().uri("/things").set_payload(r#"{"name":"x"}"#);
    refused(untyped, 415, "tipo-no-admitido").await;
    let encoded = post("x").insert_header(("content-encoding", "gzip"));
    refused(encoded, 415, "tipo-no-admitido").await;
}

#[actix_web::test]
async fn a_missing_body_is_refused() {
    refused(post(""), 400, "cuerpo-invalido").await;
    refused(TestRequest::post().uri("/things"), 400, "cuerpo-invalido").await;
}

#[actix_web::test]
async fn the_problem_of_an_unreadable_body_names_the_field_and_the_request() {
    let body = refused(post(r#"{"name":1}"#), 400, "cuerpo-invalido").await;
    let violation = json!({
        "campo": "name",
        "regla": "tipo-correcto",
        "detalle": "El tipo es incorrecto: debe ser un texto",
    });
    assert_eq!((&body["violations"], &body["instance"]), (&json!([violation]), &json!("/things")));
    assert_eq!(body["detail"], "name: El tipo es incorrecto: debe ser un texto");
}

#[actix_web::test]
async fn a_body_of_the_limit_is_read_and_a_larger_one_is_not() {
    let of = |length: usize| format!(r#"{{"name":"{}"}}"#, "x".repeat(length - r#"{"name":""}"#.len()));
    assert_eq!(answer(post(of(LIMIT))).await.0, 202);
    refused(post(of(LIMIT + 1)), 413, "demasiado-grande").await;
    let announced = |length: usize| post(of(LIMIT + 1)).insert_header((CONTENT_LENGTH, length));
    refused(announced(LIMIT + 1), 413, "demasiado-grande").await;
    refused(announced(usize::MAX), 413, "demasiado-grande").await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let request = post("").to_http_request();
    let slow = stream::once(std::future::ready(Ok(Bytes::from_static(b"{")))).chain(stream::pending());
    let payload = Payload::Stream { payload: slow.boxed_local() };
    let refused = super::body::read(&request, payload).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.to_string().as_str()),
        (StatusCode::BAD_REQUEST, "El cuerpo no llegó completo")
    );
}

#[actix_web::test]
async fn a_problem_has_the_name_of_the_broken_rule() {
    let body = refused(post(r#"{"name":""}"#), 422, "color-is-red").await;
    assert_eq!(body["violations"][0]["campo"], "name");
    assert_eq!(body["detail"], "The color must be red");
}

#[actix_web::test]
async fn a_malformed_id_in_the_path_is_named() {
    let body = refused(get("/things/7"), 400, "parametro-invalido").await;
    assert_eq!(body["violations"][0]["campo"], "id");
    assert_eq!(body["violations"][0]["regla"], "uuid-valido");
    refused(get("/things/%ff"), 400, "parametro-invalido").await;
}

#[actix_web::test]
async fn a_malformed_parameter_is_named() {
    let far = "f".repeat(32);
    for (query, field, rule) in [
        ("limite=0".to_owned(), "limite", "limite-valido"),
        ("limite=201".to_owned(), "limite", "limite-valido"),
        ("limite=abc".to_owned(), "limite", "limite-valido"),
        ("limite=".to_owned(), "limite", "limite-valido"),
        ("limite=99999999999999999999".to_owned(), "limite", "limite-valido"),
        ("limite=1&limite=2".to_owned(), "limite", "campo-unico"),
        ("cursor=".to_owned(), "cursor", "cursor-valido"),
        ("cursor=x".to_owned(), "cursor", "cursor-valido"),
        (format!("cursor={far}"), "cursor", "cursor-valido"),
        ("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(), "cursor", "cursor-valido"),
        ("color=blue".to_owned(), "color", "color-is-red"),
        ("color=".to_owned(), "color", "color-is-red"),
        ("color=%ff".to_owned(), "color", "texto-valido"),
        ("number=x".to_owned(), "number", "numero-valido"),
        ("number=256".to_owned(), "number", "numero-valido"),
    ] {
        let body = refused(get(&format!("/things?{query}")), 400, "parametro-invalido").await;
        let violation = &body["violations"][0];
        assert_eq!((&violation["campo"], &violation["regla"]), (&json!(field), &json!(rule)), "{query}: {body}");
    }
}

#[actix_web::test]
async fn a_route_that_does_not_exist_is_not_found() {
    for uri in ["/", "/nothing", "/things/1/2", "/THINGS"] {
        let body = refused(get(uri), 404, "no-encontrado").await;
        assert_eq!(body["instance"], uri);
    }
}

#[actix_web::test]
async fn a_405_lists_the_methods_of_the_route() {
    let id = format!("/things/{ID}");
    for (method, uri, allow) in [
        (Method::DELETE, "/things", "GET, HEAD, POST"),
        (Method::POST, id.as_str(), "GET, HEAD"),
        (Method::OPTIONS, "/metrics", "GET, HEAD"),
    ] {
        refused(TestRequest::with_uri(uri).method(method.clone()), 405, "metodo-no-admitido").await;
        assert_eq!(answer(TestRequest::with_uri(uri).method(method)).await.1["allow"], allow);
    }
}

#[actix_web::test]
async fn a_failure_has_a_problem_without_its_cause() {
    let defect = refused(get("/defect"), 500, "defecto").await;
    assert!(!defect.to_string().contains("secret"));
    let away = refused(get("/away"), 503, "no-disponible").await;
    assert_eq!(
        (&away["title"], &away["detail"]),
        (&json!("Servicio no disponible"), &json!("La base de datos no responde"))
    );
    assert_eq!(answer(get("/away")).await.1["retry-after"], "1");
    refused(get("/race"), 409, "conflicto-de-version").await;
    refused(get("/bus"), 500, "defecto").await;
    refused(get("/panic"), 500, "defecto").await;
}

#[actix_web::test]
async fn a_refusal_of_the_framework_becomes_a_problem_and_a_report_does_not() {
    let body = refused(get("/teapot"), 418, "parametro-invalido").await;
    assert!(!body.to_string().contains("secret"));
    let (status, _, body) = answer(get("/ready")).await;
    assert_eq!((status, body), (503, json!({"status": "down"})));
}

/// A query that is never answered.
struct SlowQuery;

impl application::Query for SlowQuery {
    const NAME: &'static str = "slow";
    type Output = ();
    type Error = StorageError;
}

/// A handler that sets its flag when its query is given up.
struct SlowHandler(Arc<AtomicBool>);

impl QueryHandler<SlowQuery> for SlowHandler {
    async fn handle(&self, _: SlowQuery) -> Result<(), StorageError> {
        struct Looking<'a>(&'a AtomicBool);
        impl Drop for Looking<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _looking = Looking(&self.0);
        std::future::pending().await
    }
}

#[actix_web::test]
async fn a_query_without_an_answer_in_time_is_given_up() {
    let is_dropped = Arc::new(AtomicBool::new(false));
    let bus = web::Data::new(QueryBus::new(SlowHandler(Arc::clone(&is_dropped))));
    let limits = Limits { deadline: Duration::from_millis(50), ..Limits::default() };
    let ask = async |queries: Queries<SlowHandler>| queries.ask(SlowQuery).await.map(|()| HttpResponse::Ok());
    let routes = |config: &mut ServiceConfig<'_>| {
        config.app_data(bus.clone()).route("/slow", web::get().to(ask));
    };
    let server = TestServer::serve(limits, &[], routes).await;
    server.get("/slow").await.refuses(503, "no-disponible", &[]);
    assert!(is_dropped.load(Ordering::Relaxed));
}
