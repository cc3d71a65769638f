//! The engine that every bounded context is written against: CQRS, domain events inside a transaction, integration
//! events between contexts.
//!
//! A context sees three layers, and may only look inwards:
//!
//! * [`domain`]: aggregates, typed ids, rules, the clock. Synchronous, no library that talks to the world.
//! * [`application`]: commands, queries, reactions and the [unit of work](application::UnitOfWork) they run in. No
//!   database, no broker, no HTTP.
//! * [`infrastructure`] (feature `infrastructure`, on by default): PostgreSQL, the broker, HTTP, telemetry.
//!
//! `testing` (a feature of its own) is what a team needs to test a context.

pub mod application;
pub mod domain;
#[cfg(feature = "infrastructure")]
pub mod infrastructure;
#[cfg(feature = "testing")]
pub mod testing;
