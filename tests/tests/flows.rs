//! Flows over the running system: the real binary on a real PostgreSQL, called over HTTP, stopped and killed.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "flows/checks.rs"]
mod checks;
#[path = "flows/clientes.rs"]
mod clientes;
#[path = "flows/connections.rs"]
mod connections;
#[path = "flows/fuzzer.rs"]
mod fuzzer;
#[path = "flows/health.rs"]
mod health;
#[path = "flows/kills.rs"]
mod kills;
#[path = "flows/lifecycle.rs"]
mod lifecycle;
#[path = "flows/log.rs"]
mod log;
#[path = "flows/postgres_log.rs"]
mod postgres_log;
#[path = "flows/refusals.rs"]
mod refusals;
#[path = "flows/routes.rs"]
mod routes;
#[path = "flows/strangers.rs"]
mod strangers;
#[path = "flows/trust.rs"]
mod trust;
#[path = "flows/vuelos.rs"]
mod vuelos;

async fn embedded() -> sta_tests::place::Place {
    sta_tests::place::Place::embedded()
}

sta_tests::scenarios!(embedded);
