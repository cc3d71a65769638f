//! Answers and the OpenAPI document.

use super::{super::examples::NO_EXAMPLE, *};

#[actix_web::test]
async fn an_accepted_command_has_the_location_of_its_aggregate() {
    let (status, headers, body) = answer(post(r#"{"name":"x"}"#)).await;
    assert_eq!((status, body), (202, json!({"id": ID})));
    assert_eq!(headers["location"], format!("/things/{ID}"));
}

#[actix_web::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let uri = format!("/things/{ID}");
    let (status, headers, body) = answer(get(&uri)).await;
    assert_eq!((status, body, headers["etag"].as_str()), (200, json!(ID), "\"7\""));
    for (tags, expected) in [("\"7\"", 304), ("\"6\", W/\"7\"", 304), ("*", 304), ("\"6\"", 200), ("7", 200)] {
        let (status, headers, _) = answer(get(&uri).insert_header(("if-none-match", tags))).await;
        assert_eq!((status, headers["etag"].as_str()), (expected, "\"7\""), "{tags}");
    }
}

#[actix_web::test]
async fn a_list_is_read_page_after_page() {
    let (status, _, first) = answer(get("/things?color=red&number=7&other=x")).await;
    assert_eq!((status, &first["items"]), (200, &json!([50])));
    let cursor = first["siguiente"].as_str().unwrap();
    let (_, _, last) = answer(get(&format!("/things?limite=200&cursor={cursor}"))).await;
    assert_eq!(last, json!({"items": [200], "siguiente": null}));
}

#[actix_web::test]
async fn head_is_answered_as_get() {
    let (status, headers, _) = answer(get(&format!("/things/{ID}")).method(Method::HEAD)).await;
    assert_eq!((status, headers["etag"].as_str()), (200, "\"7\""));
}

#[actix_web::test]
async fn a_correlation_id_is_returned_whatever_the_answer() {
    for uri in ["/things", "/nothing", "/things/7", "/defect"] {
        let (_, headers, _) = answer(get(uri).insert_header(("x-correlation-id", "abc-7"))).await;
        assert_eq!(headers["x-correlation-id"], "abc-7", "{uri}");
    }
    let (_, headers, _) = answer(get("/things").insert_header(("x-correlation-id", "a b"))).await;
    assert_ne!(headers["x-correlation-id"], "a b");
}

#[actix_web::test]
async fn the_document_lists_the_problems_of_a_route() {
    let routes = |config: &mut ServiceConfig<'_>| {
        config.service(create_thing).service(read_thing).service(list_things);
    };
    let server = TestServer::serve(Limits::default(), &[], routes).await;
    let api = server.document();
    let statuses = |path: &str, method: &str| {
        let responses = api["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/things", "post"), "202 400 404 409 413 415 422 503");
    assert_eq!(statuses("/things/{id}", "get"), "200 304 400 404 503");
    assert_eq!(statuses("/things", "get"), "200 400 422 503");
    let content = &api["paths"]["/things"]["post"]["responses"]["422"]["content"];
    assert_eq!(content["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
    let schemas = &api["components"]["schemas"];
    assert_eq!(schemas["Problem"]["properties"]["status"]["type"], "integer");
    let parameters: Vec<_> = api["paths"]["/things"]["get"]["parameters"].as_array().unwrap().iter().collect();
    let names: Vec<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["color", "number", "limite", "cursor"]);
}

#[actix_web::test]
async fn the_document_has_an_example_of_each_request_and_answer() {
    let routes = |config: &mut ServiceConfig<'_>| {
        config.service(create_thing).service(read_thing).service(list_things);
    };
    let paths = TestServer::serve(Limits::default(), &[], routes).await.document()["paths"].take();
    let example = |operation: &Value, status: &str, media_type: &str| {
        operation["responses"][status]["content"][media_type]["example"].clone()
    };
    let command = &paths["/things"]["post"];
    assert_eq!(command["requestBody"]["content"]["application/json"]["example"], json!({"name": "mesa"}));
    assert_eq!(example(command, "202", "application/json"), json!({"id": ID}));
    let conflict = json!({
        "type": "/problemas/conflicto-de-version",
        "title": "Conflicto de versión",
        "status": 409,
        "detail": "Otra petición cambió lo mismo antes que esta",
        "error": "Otra petición cambió lo mismo antes que esta",
        "instance": "/things",
    });
    assert_eq!(example(command, "409", "application/problem+json"), conflict);
    assert_eq!(example(command, "422", "application/problem+json")["violations"][0]["regla"], "url-valida");
    assert_eq!(example(&paths["/things"]["get"], "200", "application/json")["items"], json!([1]));
}

#[test]
fn a_gap_of_the_document_is_found() {
    let operation = json!({
        "summary": "Una cosa.",
        "tags": ["things"],
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
            "201": {"content": {"application/json": {"example": {"name": NO_EXAMPLE}}}},
            "202": {"content": {"application/json": {"example": {"name": "mesa"}}}},
        },
    });
    let gaps = testing::undescribed(&json!({"paths": {"/things": {"get": operation}}}));
    assert_eq!(
        gaps,
        [
            "the schema Thing is not described",
            "GET /things has no /description",
            "GET /things: 200 has no example, or one with a text that has none",
            "GET /things: 201 has no example, or one with a text that has none",
        ]
    );
}

#[actix_web::test]
async fn a_test_shows_the_errors_that_the_service_logs() {
    answer(get("/defect")).await;
    assert!(tracing::enabled!(tracing::Level::ERROR));
}
