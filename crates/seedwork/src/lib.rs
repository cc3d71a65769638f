//! The engine of every bounded context: CQRS, domain events inside a transaction, integration events between contexts.
//!
//! It has three layers. Dependencies point inwards:
//!
//! * [`domain`]: aggregates, typed ids, rules, the clock. Synchronous, without I/O.
//! * [`application`]: commands, queries, reactions and the [unit of work](application::UnitOfWork) they run in. No
//!   database, no broker, no HTTP.
//! * [`infrastructure`] (feature `infrastructure`, on by default): PostgreSQL, the broker, HTTP, telemetry.
//!
//! `testing` (a feature of its own) is the test kit for contexts.

pub mod application;
pub mod domain;
#[cfg(feature = "infrastructure")]
pub mod infrastructure;
#[cfg(feature = "testing")]
pub mod testing;
