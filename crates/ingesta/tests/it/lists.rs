//! Lists, page after page.

use crate::server::Ingestas;

/// Newest first.
fn reversed<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.reverse();
    ids
}

#[actix_web::test]
async fn a_list_is_newest_first_whatever_the_size_of_its_pages() {
    let ingestas = Ingestas::start().await;
    assert!(ingestas.todas("").await.is_empty());
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(ingestas.crear("proveedor-7", "PAC 0042").await);
    }
    for limite in [1, 2, 3, 6, 7, 8, 200] {
        assert_eq!(ingestas.todas(&format!("limite={limite}")).await, reversed(&ids), "{limite}");
    }
}

#[actix_web::test]
async fn an_ingesta_that_is_created_meanwhile_moves_no_page() {
    let ingestas = Ingestas::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(ingestas.crear("proveedor-7", "PAC 0042").await);
    }
    let first = ingestas.server().get("/ingesta/todas?limite=2").await.body;
    ingestas.crear("proveedor-7", "PAC 0042").await;
    let next = format!("limite=2&cursor={}", first["siguiente"].as_str().expect("a next page"));
    assert_eq!(ingestas.todas(&next).await, reversed(&ids[..2]));
}

#[actix_web::test]
async fn a_list_has_only_what_was_asked_for() {
    let ingestas = Ingestas::start().await;
    let a = ingestas.crear("proveedor-7", "PAC 0042").await;
    let b = ingestas.crear("proveedor-7", "PAC 0043").await;
    let c = ingestas.crear("proveedor-8", "PAC 0042").await;
    assert_eq!(ingestas.cambiar("alertar", &b).await.status, 202);
    assert_eq!(ingestas.cambiar("eliminar", &c).await.status, 202);
    for (query, expected) in [
        ("", vec![&b, &a]),
        ("estado=Creada", vec![&a]),
        ("estado=Alertada", vec![&b]),
        ("estado=Eliminada", vec![&c]),
        ("estado=Fallida", vec![]),
        ("id_proveedor=proveedor-7", vec![&b, &a]),
        ("id_paciente=PAC%200042", vec![&a]),
        ("id_paciente=PAC+0042&estado=Eliminada", vec![&c]),
        ("id_proveedor=proveedor-7&id_paciente=PAC+0043&estado=Alertada", vec![&b]),
        ("id_proveedor=otro", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(ingestas.todas(query).await, expected, "{query}");
        assert_eq!(ingestas.todas(&format!("limite=1&{query}")).await, expected, "{query}, one at a time");
    }
}
