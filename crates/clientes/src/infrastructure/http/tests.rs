//! Refusals of the routes, without a database.

use crate::infrastructure::module;
use seedwork::infrastructure::http::testing::{TestServer, field, with, without};
use serde_json::{Value, json};

const REGISTRAR: &str = "/clientes/registrar-cliente-comando";
const DESACTIVAR: &str = "/clientes/desactivar-cliente-comando";
const ID: &str = "0198c0de-0000-7000-8000-000000000001";

async fn server() -> TestServer {
    TestServer::nowhere(&module()).await
}

fn natural() -> Value {
    json!({
        "tipo": "natural",
        "nombre": {"nombres": "Ana María", "apellidos": "Ñáñez Gil"},
        "email": "ana.gil@alpes.example",
        "documento": {"tipo": "cedula", "numero": "1020304050", "ciudad": "Bogotá"},
        "fecha_nacimiento": "1990-02-28",
    })
}

fn empresa() -> Value {
    json!({
        "tipo": "empresa",
        "razon_social": "Clínica de los Alpes S.A.S.",
        "email": "contacto@alpes.example",
        "documento": {"tipo": "rut", "numero": "900123456-8", "ciudad": "Bogotá"},
        "fecha_constitucion": "2001-12-31",
    })
}

/// Every field of a body: where it is.
const OF_BOTH: &[&str] = &["/email", "/documento", "/documento/tipo", "/documento/numero", "/documento/ciudad"];
const OF_A_PERSON: &[&str] = &["/nombre", "/nombre/nombres", "/nombre/apellidos", "/fecha_nacimiento"];
const OF_A_COMPANY: &[&str] = &["/razon_social", "/fecha_constitucion"];

#[actix_web::test]
async fn every_field_of_a_new_cliente_must_be_there_and_of_its_type() {
    let server = server().await;
    for (body, own) in [(natural(), OF_A_PERSON), (empresa(), OF_A_COMPANY)] {
        for pointer in ["/tipo"].iter().chain(OF_BOTH).chain(own) {
            let blamed = field(pointer);
            let answer = server.post(REGISTRAR, without(body.clone(), pointer)).await;
            answer.refuses(400, "cuerpo-invalido", &[(&blamed, "campo-obligatorio")]);
            for value in [json!(null), json!(7), json!(true), json!(["x"])] {
                let answer = server.post(REGISTRAR, with(body.clone(), pointer, value)).await;
                answer.refuses(400, "cuerpo-invalido", &[(&blamed, "tipo-correcto")]);
            }
        }
    }
    for body in [json!([]), json!(null), json!("x"), json!({})] {
        assert_eq!(server.post(REGISTRAR, body).await.status, 400);
    }
}

#[actix_web::test]
async fn an_unknown_kind_and_an_impossible_date_are_malformed() {
    let server = server().await;
    for (pointer, value, rule) in [
        ("/tipo", "Natural", "tipo-valido"),
        ("/tipo", "", "tipo-valido"),
        ("/documento/tipo", "pasaporte", "tipo-documento-valido"),
        ("/fecha_nacimiento", "1990-02-30", "fecha-valida"),
        ("/fecha_nacimiento", "28/02/1990", "fecha-valida"),
        ("/fecha_nacimiento", "-1990-02-28", "fecha-valida"),
        ("/fecha_nacimiento", "199002-02-28", "fecha-valida"),
        ("/fecha_nacimiento", "1990-02-28T00:00:00Z", "fecha-valida"),
    ] {
        let answer = server.post(REGISTRAR, with(natural(), pointer, json!(value))).await;
        answer.refuses(400, "cuerpo-invalido", &[(&field(pointer), rule)]);
    }
}

#[actix_web::test]
async fn each_broken_rule_of_a_new_cliente_has_its_field() {
    let server = server().await;
    let long = "x".repeat(101);
    for (body, pointer, value, rule) in [
        (natural(), "/nombre/nombres", "", "nombres-validos"),
        (natural(), "/nombre/nombres", "a\u{200b}", "nombres-validos"),
        (natural(), "/nombre/apellidos", long.as_str(), "apellidos-validos"),
        (natural(), "/email", "nobody", "email-valido"),
        (natural(), "/documento/tipo", "rut", "documento-corresponde"),
        (natural(), "/documento/numero", "12345", "cedula-valida"),
        (natural(), "/documento/numero", "900123456-8", "cedula-valida"),
        (natural(), "/documento/ciudad", "\0", "ciudad-valida"),
        (natural(), "/fecha_nacimiento", "2999-01-01", "mayor-de-edad"),
        (empresa(), "/razon_social", " ", "razon-social-valida"),
        (empresa(), "/documento/tipo", "cedula", "documento-corresponde"),
        (empresa(), "/documento/numero", "900123456-", "rut-valido"),
        (empresa(), "/fecha_constitucion", "2999-01-01", "fecha-pasada"),
    ] {
        let answer = server.post(REGISTRAR, with(body, pointer, json!(value))).await;
        answer.refuses(422, rule, &[(&field(pointer), rule)]);
    }
}

#[actix_web::test]
async fn one_problem_lists_all_broken_rules_of_a_new_cliente() {
    let server = server().await;
    let mut body = with(natural(), "/nombre", json!({"nombres": "", "apellidos": ""}));
    body["email"] = json!("@");
    body["documento"] = json!({"tipo": "rut", "numero": "7", "ciudad": ""});
    body["fecha_nacimiento"] = json!("2999-01-01");
    let all = [
        ("nombre.nombres", "nombres-validos"),
        ("nombre.apellidos", "apellidos-validos"),
        ("email", "email-valido"),
        ("documento.tipo", "documento-corresponde"),
        ("documento.numero", "cedula-valida"),
        ("documento.ciudad", "ciudad-valida"),
        ("fecha_nacimiento", "mayor-de-edad"),
    ];
    server.post(REGISTRAR, body).await.refuses(422, "nombres-validos", &all);
    let mut body = with(empresa(), "/documento", json!({"tipo": "cedula", "numero": "", "ciudad": "\t"}));
    body["razon_social"] = json!("");
    body["email"] = json!("");
    body["fecha_constitucion"] = json!("2999-01-01");
    let all = [
        ("razon_social", "razon-social-valida"),
        ("email", "email-valido"),
        ("documento.tipo", "documento-corresponde"),
        ("documento.numero", "rut-valido"),
        ("documento.ciudad", "ciudad-valida"),
        ("fecha_constitucion", "fecha-pasada"),
    ];
    server.post(REGISTRAR, body).await.refuses(422, "razon-social-valida", &all);
}

#[actix_web::test]
async fn members_of_the_other_kind_are_ignored_like_unknown_ones() {
    let server = server().await;
    let mut body = natural();
    (body["razon_social"], body["fecha_constitucion"], body["otro"]) = (json!(7), json!(null), json!([{}]));
    server.post(REGISTRAR, body).await.refuses(503, "no-disponible", &[]);
}

#[actix_web::test]
async fn a_deactivation_needs_a_uuid_and_a_motivo() {
    let server = server().await;
    for (body, blames, status, slug) in [
        (json!({"motivo": "x"}), ("id_cliente", "campo-obligatorio"), 400, "cuerpo-invalido"),
        (json!({"id_cliente": "no", "motivo": "x"}), ("id_cliente", "uuid-valido"), 400, "cuerpo-invalido"),
        (json!({"id_cliente": null, "motivo": "x"}), ("id_cliente", "tipo-correcto"), 400, "cuerpo-invalido"),
        (json!({"id_cliente": ID}), ("motivo", "campo-obligatorio"), 400, "cuerpo-invalido"),
        (json!({"id_cliente": ID, "motivo": null}), ("motivo", "tipo-correcto"), 400, "cuerpo-invalido"),
        (json!({"id_cliente": ID, "motivo": " "}), ("motivo", "motivo-valido"), 422, "motivo-valido"),
        (json!({"id_cliente": ID, "motivo": "x".repeat(501)}), ("motivo", "motivo-valido"), 422, "motivo-valido"),
    ] {
        server.post(DESACTIVAR, body).await.refuses(status, slug, &[blames]);
    }
}

#[actix_web::test]
async fn an_unreadable_parameter_is_named() {
    let server = server().await;
    for uri in ["/clientes/consulta-por-id/7", "/clientes/7/expediente"] {
        server.get(uri).await.refuses(400, "parametro-invalido", &[("id", "uuid-valido")]);
    }
    for list in ["todos", "desactivados"] {
        for (query, blamed) in [("limite=0", ("limite", "limite-valido")), ("cursor=abc", ("cursor", "cursor-valido"))]
        {
            let answer = server.get(&format!("/clientes/{list}?{query}")).await;
            answer.refuses(400, "parametro-invalido", &[blamed]);
        }
    }
}

#[actix_web::test]
async fn a_request_without_a_database_gets_a_503() {
    let server = server().await;
    for body in [natural(), empresa()] {
        server.post(REGISTRAR, body).await.refuses(503, "no-disponible", &[]);
    }
    server.post(DESACTIVAR, json!({"id_cliente": ID, "motivo": "x"})).await.refuses(503, "no-disponible", &[]);
    let of_one = [format!("/clientes/consulta-por-id/{ID}"), format!("/clientes/{ID}/expediente")];
    for uri in of_one.iter().map(String::as_str).chain(["/clientes/todos", "/clientes/desactivados"]) {
        server.get(uri).await.refuses(503, "no-disponible", &[]);
    }
}

#[actix_web::test]
async fn the_document_has_every_route_with_its_request_and_answers() {
    let server = server().await;
    server.check_examples().await;
    let api = server.document();
    let paths = api["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 6, "the commands and the four questions");
    for route in [REGISTRAR, DESACTIVAR] {
        let operation = &paths[route]["post"];
        assert!(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].is_string(), "{operation}");
        assert!(operation["responses"]["202"]["headers"]["Location"].is_object(), "{operation}");
    }
    for list in ["/clientes/todos", "/clientes/desactivados"] {
        let names =
            paths[list]["get"]["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["limite", "cursor"]);
    }
    // Each of the two shapes is told with the name that tells it apart.
    let shapes = api["components"]["schemas"]["RegistrarCliente"]["oneOf"].as_array().unwrap();
    let kinds: Vec<_> = shapes.iter().map(|shape| &shape["allOf"][1]["properties"]["tipo"]["enum"][0]).collect();
    assert_eq!(kinds, ["natural", "empresa"]);
}
