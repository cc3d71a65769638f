//! Texts of an earlier version, and moments that only some calendars have.

use crate::server::{Vuelos, bog_jfk};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

const MIGRATION: &str = include_str!("../../migrations/2026-11-27-080003_texts/up.sql");

#[actix_web::test]
async fn a_reserva_of_an_earlier_version_is_shown_and_changed_after_the_migration() {
    let vuelos = Vuelos::start().await;
    let mut body = bog_jfk();
    let id = vuelos.reservar(&body).await;
    let stored = format!(
        "UPDATE reservas SET motivo = '\u{200b}', itinerarios = replace(replace(itinerarios, 'Bogotá', 'Bogota\u{301}'), \
         'John F', '\u{301}Jo\u{2800}n \u{302}F') WHERE id = '{id}'"
    );
    let mut db = vuelos.0.look().await;
    db.batch_execute(&stored).await.unwrap();

    db.batch_execute(MIGRATION).await.unwrap();

    let leg = &mut body["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0];
    leg["destino"]["nombre"] = json!("◌Jo�n ◌F. Kennedy International Airport");
    let shown = vuelos.por_id(&id).await.body;
    assert_eq!((&shown["itinerarios"], &shown["motivo"]), (&body["itinerarios"], &json!("�")));
    assert_eq!(vuelos.cambiar("aprobar", &id).await.status, 202);
}

#[actix_web::test]
async fn a_reserva_that_lands_in_the_leap_second_of_year_9999_can_be_changed_after_the_migration() {
    let vuelos = Vuelos::start().await;
    let mut body = bog_jfk();
    let id = vuelos.reservar(&body).await;
    let stored = format!(
        "UPDATE reservas SET itinerarios = replace(itinerarios, '2022-11-22T15:10:00Z', '9999-12-31T23:59:60.5Z') \
         WHERE id = '{id}'"
    );
    let mut db = vuelos.0.look().await;
    db.batch_execute(&stored).await.unwrap();

    db.batch_execute(MIGRATION).await.unwrap();

    let leg = &mut body["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0];
    leg["fecha_llegada"] = json!("9999-12-31T23:59:59.999999Z");
    assert_eq!(vuelos.por_id(&id).await.body["itinerarios"], body["itinerarios"]);
    assert_eq!(vuelos.cambiar("aprobar", &id).await.status, 202);
}

#[actix_web::test]
async fn a_leap_second_is_answered_as_it_is_read_afterwards() {
    let vuelos = Vuelos::start().await;
    let mut body = bog_jfk();
    let leg = &mut body["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0];
    leg["fecha_salida"] = json!("2016-12-31T23:59:60Z");
    leg["fecha_llegada"] = json!("2017-01-01T00:00:00.5Z");
    let told = vuelos.server().post("/vuelos/reserva", body.clone()).await;
    assert_eq!((told.status, &told.body["fecha_salida"]), (201, &json!("2017-01-01T00:00:00Z")), "{told:?}");
    assert_eq!(vuelos.por_id(told.body["id"].as_str().unwrap()).await.body, told.body);

    let leg = &mut body["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0];
    leg["fecha_llegada"] = json!("9999-12-31T23:59:60Z");
    let refused = vuelos.server().post("/vuelos/reserva", body).await;
    assert_eq!((refused.status, &refused.body["violations"][0]["regla"]), (400, &json!("fecha-valida")), "{refused:?}");
}
