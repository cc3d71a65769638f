//! Flows over the running system: the real binary, on a real PostgreSQL, asked over HTTP, stopped and killed.

#[path = "flows/business.rs"]
mod business;
#[path = "flows/kills.rs"]
mod kills;
#[path = "flows/lifecycle.rs"]
mod lifecycle;
#[path = "flows/refusals.rs"]
mod refusals;
#[path = "flows/tail.rs"]
mod tail;
