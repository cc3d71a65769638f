//! Texts: the same however they are written, and always with something to see.

use crate::server::Ingestas;
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

/// `José` with an accent of its own.
const OF_FIVE_CHARACTERS: &str = "Jose\u{301}";

const MIGRATION: &str = include_str!("../../migrations/2026-11-27-080001_texts/up.sql");

#[actix_web::test]
async fn a_patient_is_found_however_the_accents_are_written() {
    let ingestas = Ingestas::start().await;
    let first = ingestas.crear("p", "José").await;
    let second = ingestas.crear("p", OF_FIVE_CHARACTERS).await;
    assert_eq!(ingestas.por_id(&second).await.body["id_paciente"], "José");
    for query in ["id_paciente=Jos%C3%A9", "id_paciente=Jose%CC%81"] {
        assert_eq!(ingestas.todas(query).await, [second.clone(), first.clone()], "{query}");
    }
}

#[actix_web::test]
async fn an_invisible_text_is_refused() {
    let ingestas = Ingestas::start().await;
    for unseen in ["\u{2800}", "\u{301}", "\u{200b}", "a\u{202e}b"] {
        let body = json!({"id_proveedor": "p", "id_paciente": unseen, "url_path": "https://imagenes.example/1"});
        let refused = ingestas.server().post("/ingesta/crear-ingesta-comando", body).await;
        assert_eq!(
            (refused.status, &refused.body["type"]),
            (422, &json!("/problemas/id-paciente-valido")),
            "{unseen:?}"
        );
    }
    let id = ingestas.crear("p", "7").await;
    for unseen in ["\u{2800}", "\u{301}", "\u{200b}", "a\u{202e}b"] {
        let body = json!({"id_ingesta": id, "motivo": unseen});
        let refused = ingestas.server().post("/ingesta/alertar-ingesta-comando", body).await;
        assert_eq!((refused.status, &refused.body["type"]), (422, &json!("/problemas/motivo-valido")), "{unseen:?}");
    }
}

#[actix_web::test]
async fn a_text_of_an_earlier_version_is_found_shown_and_changed_after_the_migration() {
    let ingestas = Ingestas::start().await;
    let mut ids = Vec::new();
    // As it was stored, and as it is now.
    let texts = [
        (OF_FIVE_CHARACTERS, "borrosa\u{301}", "José", "borrosá"),
        ("\u{2800}", "\u{200b}", "�", "�"),
        ("\u{301}a \u{302}\u{303}", "a\u{202e}b", "◌a ◌\u{303}", "a�b"),
        ("Ana", " \u{301}\n", "Ana", "�\u{301}\n"),
        ("Ñandú", "👩\u{200d}⚕", "Ñandú", "👩\u{200d}⚕"),
    ];
    let mut db = ingestas.0.look().await;
    for (paciente, motivo, ..) in texts {
        let id = ingestas.crear("p", "x").await;
        let stored = format!("UPDATE ingestas SET id_paciente = '{paciente}', motivo = '{motivo}' WHERE id = '{id}'");
        db.batch_execute(&stored).await.unwrap();
        ids.push(id);
    }

    db.batch_execute(MIGRATION).await.unwrap();

    for (id, (.., paciente, motivo)) in ids.iter().zip(texts) {
        let shown = ingestas.por_id(id).await.body;
        assert_eq!((&shown["id_paciente"], &shown["motivo"]), (&json!(paciente), &json!(motivo)));
        assert_eq!(ingestas.cambiar("alertar", id).await.status, 202);
    }
    assert_eq!(ingestas.todas("id_paciente=Jos%C3%A9").await, [ids[0].clone()]);
}
