//! Refusals of the routes, without a database.

use crate::infrastructure::module;
use actix_web::{
    http::{
        Method,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    test::TestRequest,
};
use seedwork::infrastructure::http::testing::{TestServer, with, without};
use serde_json::{Value, json};

const CREAR: &str = "/ingesta/crear-ingesta-comando";
const ALERTAR: &str = "/ingesta/alertar-ingesta-comando";
const WITH_MOTIVO: &str = "CambioDeIngestaConMotivo";
const WITHOUT_MOTIVO: &str = "CambioDeIngesta";
const ID: &str = "0198c0de-0000-7000-8000-000000000001";

async fn server() -> TestServer {
    TestServer::nowhere(&module()).await
}

/// The commands that take a body of this schema, as the document has them.
fn routes(server: &TestServer, schema: &str) -> Vec<String> {
    let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
    let takes = |item: &Value| item["post"]["requestBody"]["content"]["application/json"]["schema"] == schema;
    let document = server.document();
    let paths = document["paths"].as_object().unwrap().iter();
    let routes: Vec<_> = paths.filter(|(_, item)| takes(item)).map(|(path, _)| path.clone()).collect();
    assert!(!routes.is_empty(), "no route takes {schema}");
    routes
}

fn body() -> Value {
    json!({"id_proveedor": "proveedor-7", "id_paciente": "PAC 0042", "url_path": "https://imagenes.example/torax.dcm"})
}

fn raw(body: impl Into<Vec<u8>>) -> TestRequest {
    TestRequest::post().uri(CREAR).insert_header((CONTENT_TYPE, "application/json")).set_payload(body.into())
}

#[actix_web::test]
async fn an_unreadable_body_is_refused() {
    let server = server().await;
    for text in ["", "{", "x", "{\"id_proveedor\": \"a", "{}x"] {
        let answer = server.call(raw(text)).await;
        assert_eq!((answer.status, answer.slug()), (400, "cuerpo-invalido"), "{text}");
    }
    server.call(raw(b"\xff".as_slice())).await.refuses(400, "cuerpo-invalido", &[("", "json-valido")]);
    for value in [json!([]), json!(null), json!("x"), json!(["proveedor-7", "PAC 0042", "https://a/x"])] {
        server.post(CREAR, value).await.refuses(400, "cuerpo-invalido", &[("", "tipo-correcto")]);
    }
}

#[actix_web::test]
async fn every_field_of_a_new_ingesta_must_be_there_and_a_text() {
    let server = server().await;
    for member in ["id_proveedor", "id_paciente", "url_path"] {
        let answer = server.post(CREAR, without(body(), &format!("/{member}"))).await;
        answer.refuses(400, "cuerpo-invalido", &[(member, "campo-obligatorio")]);
        for value in [json!(null), json!(7), json!(true), json!(["x"]), json!({"x": "y"})] {
            let answer = server.post(CREAR, with(body(), &format!("/{member}"), value)).await;
            answer.refuses(400, "cuerpo-invalido", &[(member, "tipo-correcto")]);
        }
    }
    let repeated = body().to_string().replacen('{', r#"{"url_path":"x","#, 1);
    server.call(raw(repeated)).await.refuses(400, "cuerpo-invalido", &[("url_path", "campo-unico")]);
}

#[actix_web::test]
async fn one_problem_lists_all_broken_rules_of_a_new_ingesta() {
    let server = server().await;
    let answer = server.post(CREAR, with(body(), "/url_path", json!("torax.dcm"))).await;
    answer.refuses(422, "url-valida", &[("url_path", "url-valida")]);
    assert_eq!(answer.body["detail"], "La ruta de la imagen debe ser válida");
    let answer = server.post(CREAR, json!({"id_proveedor": "", "id_paciente": "\0", "url_path": "ftp://a/x"})).await;
    let all =
        [("id_proveedor", "id-proveedor-valido"), ("id_paciente", "id-paciente-valido"), ("url_path", "url-valida")];
    answer.refuses(422, "id-proveedor-valido", &all);
}

#[actix_web::test]
async fn a_change_needs_the_uuid_of_an_ingesta() {
    let server = server().await;
    for route in [routes(&server, WITH_MOTIVO), routes(&server, WITHOUT_MOTIVO)].concat() {
        let answer = server.post(&route, json!({"motivo": "x"})).await;
        answer.refuses(400, "cuerpo-invalido", &[("id_ingesta", "campo-obligatorio")]);
        let answer = server.post(&route, json!({"id_ingesta": "no", "motivo": "x"})).await;
        answer.refuses(400, "cuerpo-invalido", &[("id_ingesta", "uuid-valido")]);
        for value in [json!(null), json!(7)] {
            let answer = server.post(&route, json!({"id_ingesta": value, "motivo": "x"})).await;
            answer.refuses(400, "cuerpo-invalido", &[("id_ingesta", "tipo-correcto")]);
        }
    }
}

#[actix_web::test]
async fn a_motivo_is_required_where_the_business_asks_for_one() {
    let server = server().await;
    for route in routes(&server, WITH_MOTIVO) {
        let answer = server.post(&route, json!({"id_ingesta": ID})).await;
        answer.refuses(400, "cuerpo-invalido", &[("motivo", "campo-obligatorio")]);
        let answer = server.post(&route, json!({"id_ingesta": ID, "motivo": null})).await;
        answer.refuses(400, "cuerpo-invalido", &[("motivo", "tipo-correcto")]);
        for motivo in ["", " ", &"x".repeat(501)] {
            let answer = server.post(&route, json!({"id_ingesta": ID, "motivo": motivo})).await;
            answer.refuses(422, "motivo-valido", &[("motivo", "motivo-valido")]);
        }
    }
}

#[actix_web::test]
async fn an_unreadable_parameter_is_named() {
    let server = server().await;
    let answer = server.get("/ingesta/consulta-por-id/7").await;
    answer.refuses(400, "parametro-invalido", &[("id", "uuid-valido")]);
    for (query, blamed) in [
        ("estado=Perdida", ("estado", "estado-valido")),
        ("estado=creada", ("estado", "estado-valido")),
        ("estado=Creada&estado=Creada", ("estado", "campo-unico")),
        ("limite=0", ("limite", "limite-valido")),
        ("limite=201", ("limite", "limite-valido")),
        ("limite=abc", ("limite", "limite-valido")),
        ("cursor=abc", ("cursor", "cursor-valido")),
    ] {
        server.get(&format!("/ingesta/todas?{query}")).await.refuses(400, "parametro-invalido", &[blamed]);
    }
    let answer = server.get("/ingesta/todas?id_proveedor=%00&id_paciente=").await;
    let blames = [("id_proveedor", "id-proveedor-valido"), ("id_paciente", "id-paciente-valido")];
    answer.refuses(422, "id-proveedor-valido", &blames);
}

#[actix_web::test]
async fn a_body_of_another_type_or_too_large_a_one_is_refused() {
    let server = server().await;
    let typed =
        |kind| TestRequest::post().uri(CREAR).insert_header((CONTENT_TYPE, kind)).set_payload(body().to_string());
    server.call(typed("text/plain")).await.refuses(415, "tipo-no-admitido", &[]);
    let untyped = TestRequest::post().uri(CREAR).set_payload(body().to_string());
    server.call(untyped).await.refuses(415, "tipo-no-admitido", &[]);
    let mut large = body();
    large["otro"] = json!("x".repeat(1024 * 1024));
    let large = large.to_string();
    let length = large.len();
    server.call(raw(large.clone())).await.refuses(413, "demasiado-grande", &[]);
    server.call(raw(large).insert_header((CONTENT_LENGTH, length))).await.refuses(413, "demasiado-grande", &[]);
}

#[actix_web::test]
async fn a_path_or_method_without_a_route_is_refused() {
    let server = server().await;
    server.get("/ingesta/nada").await.refuses(404, "no-encontrado", &[]);
    let answer = server.call(TestRequest::delete().uri(CREAR)).await;
    answer.refuses(405, "metodo-no-admitido", &[]);
    assert_eq!(answer.headers["allow"], "POST");
    let answer = server.call(TestRequest::with_uri("/ingesta/todas").method(Method::POST)).await;
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "GET, HEAD"));
}

#[actix_web::test]
async fn a_request_without_a_database_gets_a_503() {
    let server = server().await;
    let request = TestRequest::post().uri(CREAR).set_json(body()).insert_header(("x-correlation-id", "abc-7"));
    let answer = server.call(request).await;
    answer.refuses(503, "no-disponible", &[]);
    assert_eq!((answer.headers["retry-after"].as_str(), answer.headers["x-correlation-id"].as_str()), ("1", "abc-7"));
    for uri in [&format!("/ingesta/consulta-por-id/{ID}"), "/ingesta/todas"] {
        server.get(uri).await.refuses(503, "no-disponible", &[]);
    }
    server.post(ALERTAR, json!({"id_ingesta": ID, "motivo": "x"})).await.refuses(503, "no-disponible", &[]);
}

#[actix_web::test]
async fn the_document_has_every_route_with_its_request_and_answers() {
    let server = server().await;
    server.check_examples().await;
    let api = server.document();
    let paths = api["paths"].as_object().unwrap();
    for operation in paths.values().map(|item| &item["post"]).filter(|operation| operation.is_object()) {
        assert!(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].is_string(), "{operation}");
        assert!(operation["responses"]["202"]["headers"]["Location"].is_object(), "{operation}");
    }
    let list = &paths["/ingesta/todas"]["get"];
    let names = list["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["estado", "id_proveedor", "id_paciente", "limite", "cursor"]);
    assert_eq!(list["operationId"], "ingesta_todas");
}
