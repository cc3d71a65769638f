//! Flows over the running system: the real binary, on a real PostgreSQL, asked over HTTP, stopped and killed.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "flows/business.rs"]
mod business;
#[path = "flows/commands.rs"]
mod commands;
#[path = "flows/fuzzer.rs"]
mod fuzzer;
#[path = "flows/kills.rs"]
mod kills;
#[path = "flows/lifecycle.rs"]
mod lifecycle;
#[path = "flows/refusals.rs"]
mod refusals;
#[path = "flows/replicas.rs"]
mod replicas;
#[path = "flows/routes.rs"]
mod routes;
#[path = "flows/tail.rs"]
mod tail;
#[path = "flows/trust.rs"]
mod trust;
