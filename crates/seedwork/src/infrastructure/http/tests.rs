//! The extractors, the answers and the middleware, over a server with routes of every kind.

use super::{
    testing::{Answer, TestServer},
    *,
};
use crate::{
    application::{CommitError, Page, PageRequest, Position},
    domain::{BrokenRule, Instante, Violations},
};
use actix_web::{
    HttpResponse,
    dev::Payload,
    error::ErrorImATeapot,
    get,
    http::{
        Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    post,
    test::TestRequest,
    web::{self, Bytes},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, str::FromStr, time::Duration};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001);
const LIMIT: usize = 64;

#[derive(Deserialize, utoipa::ToSchema)]
struct Cosa {
    nombre: String,
}

/// A text of the domain, for query strings.
struct Color;

#[derive(Debug, thiserror::Error)]
#[error("El color debe ser rojo")]
struct ColorInvalido;

impl BrokenRule for ColorInvalido {
    fn rule(&self) -> &'static str {
        "color-valido"
    }
}

impl FromStr for Color {
    type Err = ColorInvalido;

    fn from_str(text: &str) -> Result<Self, ColorInvalido> {
        if text == "rojo" { Ok(Self) } else { Err(ColorInvalido) }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
struct Filtro {
    #[serde(default, deserialize_with = "optional_text")]
    #[param(value_type = Option<String>)]
    color: Option<Color>,
    numero: Option<u8>,
}

#[utoipa::path(responses(Accepted))]
#[post("/cosas")]
async fn crear(body: Json<Cosa>) -> Result<Accepted, Problem> {
    let mut found = Violations::collect();
    if body.into_inner().nombre.is_empty() {
        found.add("nombre", &ColorInvalido);
    }
    found.check(|| Some(()))?;
    Ok(Accepted::new("/cosas", ID))
}

#[utoipa::path]
#[get("/cosas/{id}")]
async fn leer(id: Path<Uuid>) -> Result<Versioned<Uuid>, Problem> {
    Ok(Versioned::new(7, id.into_inner()))
}

#[utoipa::path(params(Filtro, Paging))]
#[get("/cosas")]
async fn listar(filtro: Query<Filtro>, paging: Query<Paging>) -> Result<Listed<u32>, Problem> {
    let Filtro { color, numero } = filtro.into_inner();
    assert_eq!(color.is_some(), numero.is_some());
    let PageRequest { limit, after } = paging.into_inner().into();
    let next = Position { created: Instante::UNIX_EPOCH + Duration::from_micros(1), id: ID };
    assert!(after.is_none_or(|after| after == next));
    Ok(Page { items: vec![limit], next: after.is_none().then_some(next) }.into())
}

/// The answer to a request, by a server that is wired as the binary's.
async fn answer(request: TestRequest) -> (u16, BTreeMap<String, String>, Value) {
    let fails = |error: CommitError| move || std::future::ready(Err::<HttpResponse, Problem>(error.clone().into()));
    let down = async || HttpResponse::ServiceUnavailable().json(json!({"status": "down"}));
    let limits = Limits { body: LIMIT, ..Limits::default() };
    let routes = |config: &mut ServiceConfig<'_>| {
        config
            .service(crear)
            .service(leer)
            .service(listar)
            .route("/defect", web::get().to(fails(CommitError::Defect("secreto".into()))))
            .route("/away", web::get().to(fails(CommitError::Unavailable)))
            .route("/race", web::get().to(fails(CommitError::Conflict)))
            .route("/teapot", web::get().to(async || Err::<HttpResponse, _>(ErrorImATeapot("secreto"))))
            .route("/ready", web::get().to(down))
            .route("/bus", web::get().to(async |_: Queries<()>| HttpResponse::Ok()));
    };
    let server = TestServer::serve(limits, &["/metrics"], &routes).await;
    let Answer { status, headers, body } = server.call(request).await;
    (status, headers, body)
}

fn post(body: impl Into<Bytes>) -> TestRequest {
    TestRequest::post().uri("/cosas").insert_header((CONTENT_TYPE, "application/json")).set_payload(body)
}

fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

/// Fails unless the request is answered with this problem; answers the problem.
async fn refused(request: TestRequest, status: u16, slug: &str) -> Value {
    let (answered, headers, body) = answer(request).await;
    assert_eq!((answered, &body["type"]), (status, &json!(format!("/problemas/{slug}"))), "{body}");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(headers.contains_key("x-correlation-id"));
    assert_eq!((&body["status"], &body["error"]), (&json!(status), &body["detail"]));
    assert!(body["title"].is_string() && body["instance"].as_str().unwrap().starts_with('/'), "{body}");
    body
}

#[actix_web::test]
async fn a_command_is_accepted_with_the_place_of_the_thing() {
    let (status, headers, body) = answer(post(r#"{"nombre":"x"}"#)).await;
    assert_eq!((status, body), (202, json!({"id": ID})));
    assert_eq!(headers["location"], format!("/cosas/{ID}"));
}

#[actix_web::test]
async fn every_way_to_say_json_is_understood_and_no_other() {
    let typed = |kind: &'static str| post(r#"{"nombre":"x"}"#).insert_header((CONTENT_TYPE, kind));
    for kind in ["application/json; charset=utf-8", "application/vnd.sta+json", "APPLICATION/JSON;charset=UTF-8"] {
        assert_eq!(answer(typed(kind)).await.0, 202, "{kind}");
    }
    for kind in ["text/plain", "text/json", "application/x-www-form-urlencoded", "application/json;charset=latin1", "x"]
    {
        refused(typed(kind), 415, "tipo-no-admitido").await;
    }
    let untyped = TestRequest::post().uri("/cosas").set_payload(r#"{"nombre":"x"}"#);
    refused(untyped, 415, "tipo-no-admitido").await;
    let encoded = post("x").insert_header(("content-encoding", "gzip"));
    refused(encoded, 415, "tipo-no-admitido").await;
}

#[actix_web::test]
async fn a_body_that_is_not_there_is_told() {
    refused(post(""), 400, "cuerpo-invalido").await;
    refused(TestRequest::post().uri("/cosas"), 400, "cuerpo-invalido").await;
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_names_the_field_and_the_request() {
    let body = refused(post(r#"{"nombre":1}"#), 400, "cuerpo-invalido").await;
    let violation = json!({
        "campo": "nombre",
        "regla": "tipo-correcto",
        "detalle": "El tipo es incorrecto: debe ser un texto",
    });
    assert_eq!((&body["violations"], &body["instance"]), (&json!([violation]), &json!("/cosas")));
    assert_eq!(body["detail"], "nombre: El tipo es incorrecto: debe ser un texto");
}

#[actix_web::test]
async fn a_body_of_the_limit_is_read_and_a_larger_one_is_not() {
    let of = |length: usize| format!(r#"{{"nombre":"{}"}}"#, "x".repeat(length - r#"{"nombre":""}"#.len()));
    assert_eq!(answer(post(of(LIMIT))).await.0, 202);
    refused(post(of(LIMIT + 1)), 413, "demasiado-grande").await;
    let announced = |length: usize| post(of(LIMIT + 1)).insert_header((CONTENT_LENGTH, length));
    refused(announced(LIMIT + 1), 413, "demasiado-grande").await;
    refused(announced(usize::MAX), 413, "demasiado-grande").await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let request = post("").to_http_request();
    let slow = stream::once(std::future::ready(Ok(Bytes::from_static(b"{")))).chain(stream::pending());
    let payload = Payload::Stream { payload: slow.boxed_local() };
    let refused = super::body::read(&request, payload).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.to_string().as_str()),
        (StatusCode::BAD_REQUEST, "El cuerpo no llego completo")
    );
}

#[actix_web::test]
async fn a_broken_rule_gives_the_problem_its_name() {
    let body = refused(post(r#"{"nombre":""}"#), 422, "color-valido").await;
    assert_eq!(body["violations"][0]["campo"], "nombre");
    assert_eq!(body["detail"], "El color debe ser rojo");
}

#[actix_web::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let uri = format!("/cosas/{ID}");
    let (status, headers, body) = answer(get(&uri)).await;
    assert_eq!((status, body, headers["etag"].as_str()), (200, json!(ID), "\"7\""));
    for (tags, expected) in [("\"7\"", 304), ("\"6\", W/\"7\"", 304), ("*", 304), ("\"6\"", 200), ("7", 200)] {
        let (status, headers, _) = answer(get(&uri).insert_header(("if-none-match", tags))).await;
        assert_eq!((status, headers["etag"].as_str()), (expected, "\"7\""), "{tags}");
    }
}

#[actix_web::test]
async fn a_malformed_id_in_the_path_is_named() {
    let body = refused(get("/cosas/7"), 400, "parametro-invalido").await;
    assert_eq!(body["violations"][0]["campo"], "id");
    assert_eq!(body["violations"][0]["regla"], "uuid-valido");
    refused(get("/cosas/%ff"), 400, "parametro-invalido").await;
}

#[actix_web::test]
async fn a_list_is_read_page_after_page() {
    let (status, _, first) = answer(get("/cosas?color=rojo&numero=7&otro=x")).await;
    assert_eq!((status, &first["items"]), (200, &json!([50])));
    let cursor = first["siguiente"].as_str().unwrap();
    let (_, _, last) = answer(get(&format!("/cosas?limite=200&cursor={cursor}"))).await;
    assert_eq!(last, json!({"items": [200], "siguiente": null}));
}

#[actix_web::test]
async fn a_malformed_parameter_is_named() {
    let far = "f".repeat(32);
    for (query, campo, regla) in [
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
        ("color=azul".to_owned(), "color", "color-valido"),
        ("color=".to_owned(), "color", "color-valido"),
        ("color=%ff".to_owned(), "color", "texto-valido"),
        ("numero=x".to_owned(), "numero", "numero-valido"),
        ("numero=256".to_owned(), "numero", "numero-valido"),
    ] {
        let body = refused(get(&format!("/cosas?{query}")), 400, "parametro-invalido").await;
        let violation = &body["violations"][0];
        assert_eq!((&violation["campo"], &violation["regla"]), (&json!(campo), &json!(regla)), "{query}: {body}");
    }
}

#[actix_web::test]
async fn a_route_that_does_not_exist_is_not_found() {
    for uri in ["/", "/nada", "/cosas/1/2", "/COSAS"] {
        let body = refused(get(uri), 404, "no-encontrado").await;
        assert_eq!(body["instance"], uri);
    }
}

#[actix_web::test]
async fn a_method_that_a_route_does_not_have_is_told_which_it_has() {
    let id = format!("/cosas/{ID}");
    for (method, uri, allow) in [
        (Method::DELETE, "/cosas", "GET, HEAD, POST"),
        (Method::POST, id.as_str(), "GET, HEAD"),
        (Method::OPTIONS, "/metrics", "GET, HEAD"),
    ] {
        refused(TestRequest::with_uri(uri).method(method.clone()), 405, "metodo-no-admitido").await;
        assert_eq!(answer(TestRequest::with_uri(uri).method(method)).await.1["allow"], allow);
    }
}

#[actix_web::test]
async fn head_is_answered_as_get() {
    let (status, headers, _) = answer(get(&format!("/cosas/{ID}")).method(Method::HEAD)).await;
    assert_eq!((status, headers["etag"].as_str()), (200, "\"7\""));
}

#[actix_web::test]
async fn a_correlation_id_is_returned_whatever_the_answer() {
    for uri in ["/cosas", "/nada", "/cosas/7", "/defect"] {
        let (_, headers, _) = answer(get(uri).insert_header(("x-correlation-id", "abc-7"))).await;
        assert_eq!(headers["x-correlation-id"], "abc-7", "{uri}");
    }
    let (_, headers, _) = answer(get("/cosas").insert_header(("x-correlation-id", "a b"))).await;
    assert_ne!(headers["x-correlation-id"], "a b");
}

#[actix_web::test]
async fn what_fails_says_so_and_no_more() {
    let defect = refused(get("/defect"), 500, "defecto").await;
    assert!(!defect.to_string().contains("secreto"));
    refused(get("/away"), 503, "no-disponible").await;
    assert_eq!(answer(get("/away")).await.1["retry-after"], "1");
    refused(get("/race"), 409, "conflicto-de-version").await;
    refused(get("/bus"), 500, "defecto").await;
}

#[actix_web::test]
async fn what_the_framework_refuses_is_a_problem_too_but_a_report_is_not() {
    let body = refused(get("/teapot"), 418, "parametro-invalido").await;
    assert!(!body.to_string().contains("secreto"));
    let (status, _, body) = answer(get("/ready")).await;
    assert_eq!((status, body), (503, json!({"status": "down"})));
}

#[actix_web::test]
async fn the_document_tells_which_problems_a_route_has() {
    let routes = |config: &mut ServiceConfig<'_>| {
        config.service(crear).service(leer).service(listar);
    };
    let server = TestServer::serve(Limits::default(), &[], &routes).await;
    let api = serde_json::to_value(server.api()).unwrap();
    let statuses = |path: &str, method: &str| {
        let responses = api["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/cosas", "post"), "202 400 404 409 413 415 422 503");
    assert_eq!(statuses("/cosas/{id}", "get"), "400 404 503");
    assert_eq!(statuses("/cosas", "get"), "400 422 503");
    let content = &api["paths"]["/cosas"]["post"]["responses"]["422"]["content"];
    assert_eq!(content["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
    let schemas = &api["components"]["schemas"];
    assert_eq!(schemas["Problem"]["properties"]["status"]["type"], "integer");
    for name in schemas.to_string().match_indices("#/components/schemas/").map(|(at, found)| at + found.len()) {
        let text = schemas.to_string();
        let name = text[name..].split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is named and not described");
    }
    let parameters: Vec<_> = api["paths"]["/cosas"]["get"]["parameters"].as_array().unwrap().iter().collect();
    let names: Vec<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["color", "numero", "limite", "cursor"]);
}
