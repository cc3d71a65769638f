//! Whether the process lives, and whether commands can be committed.

use super::{Context, Running};
use actix_web::{HttpResponse, get, http::StatusCode, web};
use futures_util::future::join_all;
use seedwork::infrastructure::postgres::{DatabaseState, Readiness};
use serde_json::{Map, Value, json};

/// The process lives.
#[utoipa::path(tag = "operacion", responses((status = 200, description = "El proceso vive")))]
#[get("/health")]
pub(super) async fn live() -> HttpResponse {
    up().await
}

/// The same, for the other paths that it is found under.
pub(super) async fn up() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// Commands can be committed. What is told of the relay and of what is set aside never makes it 503: a server whose broker
/// is away still takes commands.
#[utoipa::path(
    tag = "operacion",
    responses((status = 200, description = "Se aceptan comandos"), (status = 503, description = "No se aceptan comandos"))
)]
#[get("/health/ready")]
pub(super) async fn ready(running: web::Data<Running>) -> HttpResponse {
    let all = join_all(running.contexts.iter().map(|context| context.probe.check())).await;
    let ready = all.iter().all(Readiness::accepts_commands);
    let contexts = running.contexts.iter().zip(all);
    let all: Map<_, _> =
        contexts.map(|(context, readiness)| (context.name.to_owned(), tell(context, readiness))).collect();
    let (status, word) =
        if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    HttpResponse::build(status).json(json!({ "status": word, "broker": running.broker, "contexts": all }))
}

fn tell(context: &Context, readiness: Readiness) -> Value {
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
