//! The route table, the OpenAPI document and the tests agree.

use serde_json::Value;
use sta_tests::sta::Sta;
use std::collections::BTreeSet;

/// Every route, as the contract has it. One that is added comes here, and to the tests of what it does.
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

/// The routes that a document tells of.
fn documented(spec: &Value) -> BTreeSet<(String, String)> {
    let paths = spec["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, _)| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// What of a document and the contract's table is not the same.
fn differences(spec: &Value) -> Vec<(String, String)> {
    let contract = ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    documented(spec).symmetric_difference(&contract).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_has_the_routes_of_the_contract_and_its_document_tells_of_all() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (_, spec) = sta.get("/spec").await.unwrap();
    assert_eq!(differences(&spec), []);
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
fn a_route_that_is_forgotten_or_unknown_is_told() {
    let spec = serde_json::json!({ "paths": { "/health": { "get": {}, "delete": {} } } });
    let told = differences(&spec);
    assert_eq!(told.len(), ROUTES.len());
    assert!(told.contains(&("DELETE".to_owned(), "/health".to_owned())));
}
