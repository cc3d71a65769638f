//! Defects of the service: a client gets no promise that a retry helps.

use crate::server::Ingestas;
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

#[actix_web::test]
async fn a_missing_column_is_a_defect_and_no_outage() {
    let ingestas = Ingestas::start().await;
    let id = ingestas.crear("proveedor-7", "PAC 0042").await;
    ingestas.0.look().await.batch_execute("ALTER TABLE ingestas RENAME COLUMN motivo TO otro").await.unwrap();

    let body = json!({"id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/"});
    let answers = [
        ingestas.por_id(&id).await,
        ingestas.server().get("/ingesta/todas").await,
        ingestas.server().post("/ingesta/crear-ingesta-comando", body).await,
        ingestas.cambiar("alertar", &id).await,
    ];

    for answer in answers {
        assert_eq!((answer.status, answer.slug()), (500, "defecto"), "{answer:?}");
        assert_eq!(answer.headers.get("retry-after"), None);
    }
}

#[actix_web::test]
async fn a_missing_column_of_the_log_is_a_defect_and_no_outage() {
    let ingestas = Ingestas::start().await;
    let id = ingestas.crear("proveedor-7", "PAC 0042").await;
    ingestas.0.look().await.batch_execute("ALTER TABLE outbox RENAME COLUMN traceparent TO other").await.unwrap();
    for server in [ingestas.server(), &ingestas.0.replica().await] {
        let body = json!({"id_ingesta": id, "motivo": "imagen borrosa"});
        let answer = server.post("/ingesta/alertar-ingesta-comando", body).await;
        assert_eq!((answer.status, answer.slug()), (500, "defecto"), "{answer:?}");
        assert_eq!(answer.headers.get("retry-after"), None);
    }
}
