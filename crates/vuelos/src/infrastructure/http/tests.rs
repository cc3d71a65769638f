//! Refusals of the routes, without a database.

use crate::infrastructure::module;
use seedwork::infrastructure::http::testing::{TestServer, field, with, without};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const RESERVAR: &str = "/vuelos/reserva";
const CREAR: &str = "/vuelos/reserva-comando";
const CANCELAR: &str = "/vuelos/cancelar-reserva-comando";
const WITHOUT_MOTIVO: [&str; 2] = ["/vuelos/aprobar-reserva-comando", "/vuelos/pagar-reserva-comando"];
const LISTS: [&str; 3] = ["/vuelos/reservas", "/vuelos/reservas/canceladas", "/vuelos/reservas/no-pagadas"];
const ID: &str = "0198c0de-0000-7000-8000-000000000001";

async fn server() -> TestServer {
    TestServer::nowhere(&module()).await
}

fn leg(origen: &str, destino: &str) -> Value {
    json!({
        "fecha_salida": "2022-11-22T13:10:00Z",
        "fecha_llegada": "2022-11-22T15:10:00Z",
        "origen": {"codigo": origen, "nombre": "El Dorado - Bogotá"},
        "destino": {"codigo": destino, "nombre": "John F. Kennedy"},
    })
}

fn de(legs: &[Value]) -> Value {
    json!({"itinerarios": [{"odos": [{"segmentos": [{"legs": legs}]}]}]})
}

/// A body with every member.
fn body() -> Value {
    let mut body = de(&[leg("BOG", "JFK")]);
    body["id_cliente"] = json!(ID);
    body["pasajeros"] = json!([{"tipo": "Adulto", "clase": "Economica"}, {"tipo": "Menor", "clase": "Primera"}]);
    body
}

const LEG: &str = "/itinerarios/0/odos/0/segmentos/0/legs/0";
/// Every member that must be there, below the leg too.
const LISTS_OF_PARTS: [&str; 4] = [
    "/itinerarios",
    "/itinerarios/0/odos",
    "/itinerarios/0/odos/0/segmentos",
    "/itinerarios/0/odos/0/segmentos/0/legs",
];
const OF_A_LEG: [&str; 8] = [
    "/fecha_salida",
    "/fecha_llegada",
    "/origen",
    "/origen/codigo",
    "/origen/nombre",
    "/destino",
    "/destino/codigo",
    "/destino/nombre",
];

#[actix_web::test]
async fn every_field_of_a_new_reserva_must_be_there_and_of_its_type() {
    let server = server().await;
    let members = LISTS_OF_PARTS.map(str::to_owned).into_iter().chain(OF_A_LEG.map(|member| format!("{LEG}{member}")));
    for pointer in members.chain(["/pasajeros/0/tipo".to_owned(), "/pasajeros/1/clase".to_owned()]) {
        let blamed = field(&pointer);
        let answer = server.post(RESERVAR, without(body(), &pointer)).await;
        answer.refuses(400, "cuerpo-invalido", &[(&blamed, "campo-obligatorio")]);
        for value in [json!(null), json!(7), json!(true)] {
            let answer = server.post(CREAR, with(body(), &pointer, value)).await;
            answer.refuses(400, "cuerpo-invalido", &[(&blamed, "tipo-correcto")]);
        }
    }
    for pointer in ["/id_cliente", "/pasajeros", "/pasajeros/0"] {
        let answer = server.post(RESERVAR, with(body(), pointer, json!(7))).await;
        answer.refuses(400, "cuerpo-invalido", &[(&field(pointer), "tipo-correcto")]);
    }
    for body in [json!([]), json!(null), json!("x"), json!({})] {
        assert_eq!(server.post(RESERVAR, body).await.status, 400);
    }
}

#[actix_web::test]
async fn a_malformed_member_is_named_by_its_path() {
    let server = server().await;
    for (pointer, value, rule) in [
        ("/id_cliente", "no", "uuid-valido"),
        ("/pasajeros/1/tipo", "adulto", "tipo-pasajero-valido"),
        ("/pasajeros/1/clase", "Turista", "clase-valida"),
        (&format!("{LEG}/fecha_salida"), "ayer", "fecha-valida"),
        (&format!("{LEG}/fecha_llegada"), "2022-11-31T13:10:00Z", "fecha-valida"),
        (&format!("{LEG}/fecha_llegada"), "+22022-11-22T13:10:00Z", "fecha-valida"),
    ] {
        let answer = server.post(RESERVAR, with(body(), pointer, json!(value))).await;
        answer.refuses(400, "cuerpo-invalido", &[(&field(pointer), rule)]);
    }
}

#[actix_web::test]
async fn each_broken_rule_of_a_new_reserva_has_its_path() {
    let server = server().await;
    let of_leg = |member: &str| format!("{LEG}{member}");
    for (pointer, value, blamed, rule) in [
        ("/itinerarios".to_owned(), json!([]), "/itinerarios".to_owned(), "minimo-un-itinerario"),
        ("/itinerarios/0/odos".into(), json!([]), "/itinerarios/0/odos".into(), "minimo-un-tramo"),
        (of_leg("/destino/codigo"), json!("BOG"), of_leg("/destino/codigo"), "ruta-valida"),
        (of_leg("/origen/codigo"), json!("Bog"), of_leg("/origen/codigo"), "codigo-iata"),
        (of_leg("/origen/codigo"), json!("ＢＯＧ"), of_leg("/origen/codigo"), "codigo-iata"),
        (of_leg("/origen/nombre"), json!("a\u{0}b"), of_leg("/origen/nombre"), "nombre-valido"),
        (of_leg("/fecha_llegada"), json!("2022-11-22T13:10:00Z"), of_leg("/fecha_llegada"), "llegada-posterior"),
        ("/pasajeros/0/tipo".into(), json!("Infante"), "/pasajeros".into(), "minimo-un-adulto"),
        ("/pasajeros".into(), json!([]), "/pasajeros".into(), "minimo-un-adulto"),
    ] {
        let answer = server.post(RESERVAR, with(body(), &pointer, value)).await;
        answer.refuses(422, rule, &[(&field(&blamed), rule)]);
    }
    let answer = server.post(CREAR, de(&[leg("BOG", "MIA"), leg("LIM", "JFK")])).await;
    let blamed = "itinerarios[0].odos[0].segmentos[0].legs[1].origen.codigo";
    answer.refuses(422, "tramos-conectados", &[(blamed, "tramos-conectados")]);
}

#[actix_web::test]
async fn one_problem_lists_all_broken_rules_of_a_new_reserva() {
    let server = server().await;
    let mut body = de(&[leg("BOG", "BOG"), leg("mia", "LIM")]);
    body["pasajeros"] = json!([{"tipo": "Menor", "clase": "Premium"}]);
    body["itinerarios"].as_array_mut().unwrap().push(json!({"odos": [{"segmentos": []}]}));
    let all = [
        ("pasajeros", "minimo-un-adulto"),
        ("itinerarios[0].odos[0].segmentos[0].legs[0].destino.codigo", "ruta-valida"),
        ("itinerarios[0].odos[0].segmentos[0].legs[1].origen.codigo", "codigo-iata"),
        ("itinerarios[1].odos[0].segmentos", "minimo-un-tramo"),
    ];
    server.post(RESERVAR, body).await.refuses(422, "minimo-un-adulto", &all);
}

#[actix_web::test]
async fn ten_thousand_legs_are_refused_at_once() {
    let server = server().await;
    let small = json!({
        "fecha_salida": "2022-11-22T13Z", "fecha_llegada": "", "origen": {"codigo": "", "nombre": ""},
        "destino": {"codigo": "", "nombre": ""},
    });
    let began = Instant::now();
    let short = |leg: &Value| with(with(leg.clone(), "/origen/nombre", json!("")), "/destino/nombre", json!(""));
    // No body within the limit holds 10,000 legs that can be read; what is in the first is told, or that it is too much.
    assert_eq!(server.post(RESERVAR, de(&vec![small; 10_000])).await.status, 413);
    let answer = server.post(RESERVAR, de(&vec![short(&leg("BOG", "BOG")); 5_000])).await;
    answer.refuses(422, "maximo-tramos", &[("itinerarios", "maximo-tramos")]);
    let empty = json!({"itinerarios": vec![json!({"odos": []}); 10_000]});
    server.post(RESERVAR, empty).await.refuses(422, "maximo-tramos", &[("itinerarios", "maximo-tramos")]);
    let crowd = with(body(), "/pasajeros", json!(vec![json!({"tipo": "Menor", "clase": "Primera"}); 10_000]));
    server.post(RESERVAR, crowd).await.refuses(422, "maximo-pasajeros", &[("pasajeros", "maximo-pasajeros")]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[actix_web::test]
async fn a_change_needs_the_uuid_of_a_reserva_and_a_motivo_if_it_cancels() {
    let server = server().await;
    for route in WITHOUT_MOTIVO.into_iter().chain([CANCELAR]) {
        for (body, rule) in [
            (json!({"motivo": "x"}), "campo-obligatorio"),
            (json!({"id_reserva": "no", "motivo": "x"}), "uuid-valido"),
            (json!({"id_reserva": null, "motivo": "x"}), "tipo-correcto"),
        ] {
            server.post(route, body).await.refuses(400, "cuerpo-invalido", &[("id_reserva", rule)]);
        }
    }
    for (motivo, status, slug, rule) in [
        (json!(null), 400, "cuerpo-invalido", "tipo-correcto"),
        (json!([7]), 400, "cuerpo-invalido", "tipo-correcto"),
        (json!(" "), 422, "motivo-valido", "motivo-valido"),
        (json!("x".repeat(501)), 422, "motivo-valido", "motivo-valido"),
    ] {
        let answer = server.post(CANCELAR, json!({"id_reserva": ID, "motivo": motivo})).await;
        answer.refuses(status, slug, &[("motivo", rule)]);
    }
    let answer = server.post(CANCELAR, json!({"id_reserva": ID})).await;
    answer.refuses(400, "cuerpo-invalido", &[("motivo", "campo-obligatorio")]);
}

#[actix_web::test]
async fn an_unreadable_parameter_is_named() {
    let server = server().await;
    for uri in ["/vuelos/reserva/7", "/vuelos/reserva-query/7"] {
        server.get(uri).await.refuses(400, "parametro-invalido", &[("id", "uuid-valido")]);
    }
    for (query, blamed) in [
        ("estado=Perdida", ("estado", "estado-valido")),
        ("estado=pendiente", ("estado", "estado-valido")),
        ("id_cliente=7", ("id_cliente", "uuid-valido")),
        ("id_cliente=", ("id_cliente", "uuid-valido")),
    ] {
        let answer = server.get(&format!("/vuelos/reservas?{query}")).await;
        answer.refuses(400, "parametro-invalido", &[blamed]);
    }
    for list in LISTS {
        for (query, blamed) in [("limite=0", ("limite", "limite-valido")), ("cursor=abc", ("cursor", "cursor-valido"))]
        {
            server.get(&format!("{list}?{query}")).await.refuses(400, "parametro-invalido", &[blamed]);
        }
    }
}

#[actix_web::test]
async fn a_request_without_a_database_gets_a_503() {
    let server = server().await;
    for route in [RESERVAR, CREAR] {
        for body in [body(), without(body(), "/pasajeros"), with(body(), "/id_cliente", json!(null))] {
            server.post(route, body).await.refuses(503, "no-disponible", &[]);
        }
    }
    for route in WITHOUT_MOTIVO.into_iter().chain([CANCELAR]) {
        server.post(route, json!({"id_reserva": ID, "motivo": "x"})).await.refuses(503, "no-disponible", &[]);
    }
    let of_one = [format!("/vuelos/reserva/{ID}"), format!("/vuelos/reserva-query/{ID}")];
    for uri in of_one.iter().map(String::as_str).chain(LISTS) {
        server.get(uri).await.refuses(503, "no-disponible", &[]);
    }
}

#[actix_web::test]
async fn the_document_has_every_route_with_its_request_and_answers() {
    let server = server().await;
    server.check_examples().await;
    let api = server.document();
    let paths = api["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 10, "two ways to book, three changes and five questions");
    for route in [RESERVAR, CREAR, CANCELAR].into_iter().chain(WITHOUT_MOTIVO) {
        let operation = &paths[route]["post"];
        assert!(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].is_string(), "{operation}");
        let done = if route == RESERVAR { "201" } else { "202" };
        assert!(operation["responses"][done]["headers"]["Location"].is_object(), "{operation}");
    }
    for (list, expected) in LISTS.into_iter().zip([
        &["estado", "id_cliente", "limite", "cursor"][..],
        &["limite", "cursor"],
        &["limite", "cursor"],
    ]) {
        let names =
            paths[list]["get"]["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }
}
