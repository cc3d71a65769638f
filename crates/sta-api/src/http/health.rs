//! Whether the process lives, and whether commands can be committed.

use super::{Context, Running};
use actix_web::{HttpResponse, get, http::StatusCode, web};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long a database may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(1);

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

/// Commands can be committed. What is told of the relay and the log never makes it 503: a server whose broker is away
/// still takes commands.
#[utoipa::path(
    tag = "operacion",
    responses((status = 200, description = "Se aceptan comandos"), (status = 503, description = "No se aceptan comandos"))
)]
#[get("/health/ready")]
pub(super) async fn ready(running: web::Data<Running>) -> HttpResponse {
    let mut all = Map::new();
    let mut ready = true;
    for context in &running.contexts {
        let commits = tokio::time::timeout(PATIENCE, context.probe.takes_writes()).await.unwrap_or(false);
        ready &= commits;
        all.insert(context.name.to_owned(), tell(context, commits));
    }
    let (status, word) =
        if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    HttpResponse::build(status).json(json!({ "status": word, "broker": running.broker, "contexts": all }))
}

fn tell(context: &Context, commits: bool) -> Value {
    let (log, relay) = (*context.started.log.borrow(), *context.relay.borrow());
    let consumer = context.consumer.as_ref().map(|state| {
        let state = state.borrow();
        json!({ "partitions": state.partitions, "retrying": state.retrying, "pauses": state.failure.is_some() })
    });
    json!({
        "database": if commits { "up" } else { "down" },
        "log": { "last": log.last, "room": log.room },
        "relay": { "leads": relay.leads, "cursor": relay.cursor, "oldest": relay.oldest, "withheld": relay.withheld },
        "consumer": consumer,
    })
}
