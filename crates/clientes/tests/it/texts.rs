//! Texts of an earlier version, which did not normalize them.

use crate::server::{Clientes, empresa, natural};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

const MIGRATION: &str = include_str!("../../migrations/2026-11-27-080002_texts/up.sql");

#[actix_web::test]
async fn a_cliente_of_an_earlier_version_is_shown_and_changed_after_the_migration() {
    let clientes = Clientes::start().await;
    let persona = clientes.registrar(&natural("ana@alpes.example", "1020304050")).await;
    let compania = clientes.registrar(&empresa("eva@alpes.example", "900123456")).await;
    let mut db = clientes.0.look().await;
    let stored = format!(
        "UPDATE clientes SET nombres = 'Jose\u{301}', apellidos = '\u{2800}', documento_ciudad = 'Bogota\u{301}' \
         WHERE id = '{persona}'; UPDATE clientes SET razon_social = '\u{301}Alpes' WHERE id = '{compania}'"
    );
    db.batch_execute(&stored).await.unwrap();

    db.batch_execute(MIGRATION).await.unwrap();

    let shown = clientes.por_id(&persona).await.body;
    assert_eq!(shown["nombre"], json!({"nombres": "José", "apellidos": "�"}));
    assert_eq!(shown["documento"]["ciudad"], "Bogotá");
    assert_eq!(clientes.por_id(&compania).await.body["razon_social"], "◌Alpes");
    for id in [&persona, &compania] {
        assert_eq!(clientes.desactivar(id).await.status, 202);
    }
}
