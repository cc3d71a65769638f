//! The route table, the OpenAPI document and the tests agree.

use seedwork::infrastructure::http::testing::undescribed;
use serde_json::Value;
use sta_tests::{guard::spanish, sta::Sta};
use std::collections::BTreeSet;

/// Every route of the contract. A new route is added here and to the tests of its behaviour.
const ROUTES: &[(&str, &str)] = &[
    ("GET", "/clientes/consulta-por-id/{id}"),
    ("GET", "/clientes/desactivados"),
    ("GET", "/clientes/todos"),
    ("GET", "/clientes/{id}/expediente"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/ingesta/consulta-por-id/{id}"),
    ("GET", "/ingesta/todas"),
    ("GET", "/metrics"),
    ("GET", "/spec"),
    ("GET", "/vuelos/reserva-query/{id}"),
    ("GET", "/vuelos/reserva/{id}"),
    ("GET", "/vuelos/reservas"),
    ("GET", "/vuelos/reservas/canceladas"),
    ("GET", "/vuelos/reservas/no-pagadas"),
    ("POST", "/clientes/desactivar-cliente-comando"),
    ("POST", "/clientes/registrar-cliente-comando"),
    ("POST", "/ingesta/alertar-ingesta-comando"),
    ("POST", "/ingesta/crear-ingesta-comando"),
    ("POST", "/ingesta/eliminar-ingesta-comando"),
    ("POST", "/ingesta/finalizar-ingesta-comando"),
    ("POST", "/ingesta/iniciar-procesamiento-ingesta-comando"),
    ("POST", "/ingesta/rechazar-ingesta-comando"),
    ("POST", "/ingesta/revertir-ingesta-comando"),
    ("POST", "/vuelos/aprobar-reserva-comando"),
    ("POST", "/vuelos/cancelar-reserva-comando"),
    ("POST", "/vuelos/pagar-reserva-comando"),
    ("POST", "/vuelos/reserva"),
    ("POST", "/vuelos/reserva-comando"),
];

/// The routes of a document.
fn documented(spec: &Value) -> BTreeSet<(String, String)> {
    let paths = spec["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, _)| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// The differences between a document and the table of the contract.
fn differences(spec: &Value) -> Vec<(String, String)> {
    let contract = ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    documented(spec).symmetric_difference(&contract).cloned().collect()
}

/// The order in which `/docs` shows the operations of these.
const TAGS: [&str; 4] = ["ingesta", "clientes", "vuelos", "operación"];

/// The tags of operations that the document does not describe, and the described ones that are out of order.
fn tags_without_a_place(spec: &Value) -> Vec<String> {
    let tags = spec["tags"].as_array().into_iter().flatten();
    let described = tags.filter(|tag| tag["description"].as_str().is_some_and(|text| text.ends_with('.')));
    let described: Vec<_> = described.filter_map(|tag| tag["name"].as_str()).collect();
    let operations = spec["paths"].as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object());
    let used = operations.flatten().filter_map(|(_, operation)| operation["tags"][0].as_str());
    let unknown: BTreeSet<_> = used.filter(|tag| !described.contains(tag)).map(str::to_owned).collect();
    let order = TAGS.iter().filter(|tag| described.contains(tag));
    let in_order = described.iter().filter(|tag| TAGS.contains(tag));
    let mut wrong: Vec<_> = unknown.into_iter().map(|tag| format!("the tag {tag} is not described")).collect();
    if !order.eq(in_order) {
        wrong.push(format!("the tags are {described:?}, and not in the order {TAGS:?}"));
    }
    wrong
}

/// The summaries and descriptions, at any depth, that are English or lack an accent.
fn texts_that_are_not_spanish(document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if ["title", "summary", "description"].contains(&name.as_str()) => {
                        let words = [spanish::english(text), spanish::unaccented(text)].concat();
                        wrong.extend(words.into_iter().map(|word| format!("{word} in {text:?}")));
                    }
                    _ => wrong.extend(texts_that_are_not_spanish(member)),
                }
            }
        }
        Value::Array(items) => wrong.extend(items.iter().flat_map(texts_that_are_not_spanish)),
        _ => {}
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_has_the_routes_of_the_contract_and_its_document_lists_all() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (_, spec) = sta.get("/spec").await.unwrap();
    assert_eq!(differences(&spec), []);
    assert_eq!(undescribed(&spec), [""; 0]);
    assert_eq!(tags_without_a_place(&spec), [""; 0]);
    assert_eq!(texts_that_are_not_spanish(&spec), [""; 0]);
    for &(method, path) in ROUTES {
        let (client, url) = sta.raw(&path.replace("{id}", "0192d3a0-0000-7000-8000-000000000000"));
        let answer = client.request(method.parse().unwrap(), &url).send().await.unwrap();
        assert_ne!(answer.status(), 405, "{method} {path}");
        let problem: Value = answer.json().await.unwrap_or_default();
        assert_ne!(problem["detail"], "No existe la ruta", "{method} {path}");
        let other = if method == "GET" { "PATCH" } else { "GET" };
        let refused = client.request(other.parse().unwrap(), &url).send().await.unwrap();
        assert_eq!(refused.status(), 405, "{other} {path}");
        assert!(refused.headers()["allow"].to_str().unwrap().contains(method), "{other} {path}");
        let operation = &spec["paths"][path][method.to_lowercase()]["responses"];
        let told: BTreeSet<_> = operation.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: &[&str] = match (method, path) {
            ("POST", "/vuelos/reserva") => &["201", "400", "404", "409", "413", "415", "422", "503"],
            ("POST", _) => &["202", "400", "404", "409", "413", "415", "422", "503"],
            (_, "/vuelos/reserva/{id}" | "/vuelos/reserva-query/{id}") => &["200", "304", "400", "404", "503"],
            (_, path) if path.ends_with("/consulta-por-id/{id}") => &["200", "304", "400", "404", "503"],
            (_, "/clientes/{id}/expediente") => &["200", "400", "404", "503"],
            (_, "/clientes/todos" | "/clientes/desactivados" | "/ingesta/todas") => &["200", "400", "422", "503"],
            (_, "/vuelos/reservas" | "/vuelos/reservas/canceladas" | "/vuelos/reservas/no-pagadas") => {
                &["200", "400", "422", "503"]
            }
            (_, "/health/ready") => &["200", "503"],
            _ => &["200"],
        };
        assert_eq!(told, expected.iter().copied().collect(), "{method} {path}");
    }
    assert_eq!(sta.stop().await.0, 0);
}

#[test]
fn a_forgotten_or_unknown_route_is_reported() {
    let spec = serde_json::json!({ "paths": { "/health": { "get": {}, "delete": {} } } });
    let told = differences(&spec);
    assert_eq!(told.len(), ROUTES.len());
    assert!(told.contains(&("DELETE".to_owned(), "/health".to_owned())));
}

#[test]
fn a_tag_without_a_description_or_out_of_order_is_found() {
    let of = |tags: Value| {
        tags_without_a_place(&serde_json::json!({ "tags": tags, "paths": { "/a": { "get": { "tags": ["vuelos"] } } } }))
    };
    let tag = |name: &str| serde_json::json!({ "name": name, "description": "Los vuelos." });
    assert_eq!(of(serde_json::json!([tag("ingesta"), tag("vuelos")])), [""; 0]);
    assert_eq!(of(serde_json::json!([{ "name": "vuelos" }])), ["the tag vuelos is not described"]);
    assert_eq!(of(serde_json::json!([tag("vuelos"), tag("ingesta")])).len(), 1);
}

#[test]
fn a_text_in_english_or_without_an_accent_is_found() {
    let spec = serde_json::json!({ "info": { "title": "La peticion" }, "a": [{ "description": "The page." }, { "summary": "Sí." }] });
    assert_eq!(texts_that_are_not_spanish(&spec), ["the in \"The page.\"", "peticion in \"La peticion\""]);
}
