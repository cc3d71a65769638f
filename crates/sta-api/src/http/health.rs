//! Liveness of the process, and readiness to commit commands. `/spec` publishes the docs of operations, so these are
//! Spanish.

use super::{AppState, ContextState};
use actix_web::{HttpResponse, get, http::StatusCode, web};
use futures_util::future::join_all;
use seedwork::infrastructure::postgres::{DatabaseState, Readiness};
use serde_json::{Map, Value, json};

/// Dice si el proceso vive.
///
/// No mira la base de datos ni el broker: sirve para decidir si hay que reiniciar el proceso.
#[utoipa::path(
    tag = "operación",
    responses((status = 200, description = "El proceso vive.", body = Value, example = json!({"status": "up"}))),
)]
#[get("/health")]
pub(super) async fn live() -> HttpResponse {
    up().await
}

/// Answers the same on other paths.
pub(super) async fn up() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// Dice si se aceptan comandos.
///
/// Mira la base de datos de cada contexto. El estado del broker y los mensajes apartados se muestran, pero no causan un
/// 503: sin broker se siguen aceptando comandos.
#[utoipa::path(
    tag = "operación",
    responses(
        (status = 200, description = "Se aceptan comandos.", body = Value, example = json!(readiness_example("ready", "up"))),
        (
            status = 503,
            description = "No se aceptan comandos.",
            body = Value,
            example = json!(readiness_example("unavailable", "down")),
        ),
    ),
)]
#[get("/health/ready")]
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let all = join_all(state.contexts.iter().map(|context| context.probe.check())).await;
    let ready = all.iter().all(Readiness::accepts_commands);
    let contexts = state.contexts.iter().zip(all);
    let all: Map<_, _> =
        contexts.map(|(context, readiness)| (context.name.to_owned(), report(context, readiness))).collect();
    let (status, word) =
        if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    HttpResponse::build(status).json(json!({ "status": word, "broker": state.broker, "contexts": all }))
}

/// An example of the answer.
fn readiness_example(status: &str, database: &str) -> Value {
    json!({
        "status": status,
        "broker": "kafka",
        "contexts": {
            "ingesta": {
                "database": database,
                "log": { "last": 1_000, "room": 1_000_000 },
                "relay": { "leads": true, "cursor": 1_000, "oldest": null, "withheld": 0 },
                "parked": 0,
                "dead": 0,
                "consumer": { "partitions": 6, "retrying": 0, "pauses": false },
            },
        },
    })
}

fn report(context: &ContextState, readiness: Readiness) -> Value {
    let relay = *context.relay.borrow();
    let progress = relay.progress;
    let consumer = context.consumer.as_ref().map(|state| {
        let state = state.borrow();
        json!({ "partitions": state.partitions, "retrying": state.retrying, "pauses": state.failure.is_some() })
    });
    json!({
        "database": match readiness.database {
            DatabaseState::Up => "up",
            DatabaseState::Down => "down",
            DatabaseState::ReadOnly => "read-only",
            DatabaseState::Full => "full",
            DatabaseState::Mismatched => "mismatched",
        },
        "log": { "last": readiness.last, "room": readiness.room },
        "relay": {
            "leads": relay.is_leader,
            "cursor": progress.map(|progress| progress.cursor),
            "oldest": progress.and_then(|progress| progress.oldest),
            "withheld": progress.map(|progress| progress.withheld),
        },
        "parked": readiness.parked_counts.map(|parked_counts| parked_counts.parked),
        "dead": readiness.parked_counts.map(|parked_counts| parked_counts.dead),
        "consumer": consumer,
    })
}
