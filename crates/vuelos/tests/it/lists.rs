//! Lists, page after page.

use crate::server::{Vuelos, bog_jfk, para};
use serde_json::json;

const CLIENTE: &str = "0198c0de-0000-7000-8000-0000000000c1";

#[actix_web::test]
async fn a_list_is_newest_first_whatever_the_size_of_its_pages() {
    let vuelos = Vuelos::start().await;
    assert!(vuelos.server().list("/vuelos/reservas?").await.is_empty());
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(vuelos.reservar(&bog_jfk()).await);
    }
    ids.reverse();
    for limite in [1, 2, 3, 6, 7, 8, 200] {
        for list in ["reservas", "reservas/no-pagadas"] {
            assert_eq!(vuelos.server().list(&format!("/vuelos/{list}?limite={limite}")).await, ids, "{list} {limite}");
        }
    }
}

#[actix_web::test]
async fn a_list_has_only_what_was_asked_for() {
    let vuelos = Vuelos::start().await;
    let mut ids = Vec::new();
    for body in [bog_jfk(), para(CLIENTE), para(CLIENTE), bog_jfk()] {
        ids.push(vuelos.reservar(&body).await);
    }
    let [pendiente, aprobada, cancelada, pagada] = &ids[..] else { panic!("four") };
    for (verb, id) in [("aprobar", aprobada), ("cancelar", cancelada), ("aprobar", pagada), ("pagar", pagada)] {
        assert_eq!(vuelos.cambiar(verb, id).await.status, 202);
    }
    for (list, expected) in [
        ("?", vec![pagada, cancelada, aprobada, pendiente]),
        ("?estado=Pendiente", vec![pendiente]),
        ("?estado=Pagada", vec![pagada]),
        (&format!("?id_cliente={CLIENTE}"), vec![cancelada, aprobada]),
        (&format!("?id_cliente={CLIENTE}&estado=Aprobada"), vec![aprobada]),
        (&format!("?id_cliente={pagada}"), vec![]),
        ("/canceladas?", vec![cancelada]),
        // No filter of another list.
        ("/canceladas?estado=Pagada", vec![cancelada]),
        ("/no-pagadas?", vec![aprobada, pendiente]),
    ] {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(vuelos.server().list(&format!("/vuelos/reservas{list}")).await, expected, "{list}");
        assert_eq!(vuelos.server().list(&format!("/vuelos/reservas{list}&limite=1")).await, expected, "{list}");
    }
}

#[actix_web::test]
async fn an_item_of_a_list_is_what_is_read_by_its_id() {
    let vuelos = Vuelos::start().await;
    let id = vuelos.reservar(&para(CLIENTE)).await;
    assert_eq!(vuelos.cambiar("cancelar", &id).await.status, 202);
    let one = vuelos.por_id(&id).await.body;
    for list in ["reservas", "reservas/canceladas"] {
        assert_eq!(vuelos.server().get(&format!("/vuelos/{list}")).await.body["items"][0], one);
    }
}

#[actix_web::test]
async fn a_page_of_large_items_ends_early_and_the_next_one_goes_on() {
    let vuelos = Vuelos::start().await;
    let mut large = bog_jfk();
    let leg = |from: &str, to: &str| {
        let airport = |code: &str| json!({"codigo": code, "nombre": "n".repeat(100)});
        let (out, back) = ("2022-11-22T13:10:00Z", "2022-11-22T15:10:00Z");
        json!({"fecha_salida": out, "fecha_llegada": back, "origen": airport(from), "destino": airport(to)})
    };
    large["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"] =
        (0..100).map(|n| if n % 2 == 0 { leg("BOG", "JFK") } else { leg("JFK", "BOG") }).collect();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(vuelos.reservar(&large).await);
    }
    ids.reverse();
    let page = vuelos.server().get("/vuelos/reservas?limite=200").await.body;
    let (items, bytes) = (page["items"].as_array().expect("items").len(), page.to_string().len());
    assert!(items > 1 && bytes < 300_000 && page["siguiente"].is_string(), "{items} items, {bytes} bytes");
    assert_eq!(vuelos.server().list("/vuelos/reservas?limite=200").await, ids);
}
