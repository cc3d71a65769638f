//! The PostgreSQL adapter: units of work, the group committer, the log and grouped reads.

mod aggregate_rows;
mod batch_loader;
mod changes;
mod committer;
mod connection_limit;
mod connector;
mod database;
mod inbox;
mod lanes;
mod listener;
mod loader_slots;
mod mapping;
mod migrations;
mod outbox;
mod partitions;
mod pool;
mod probe;
mod read_error;
mod reads;
mod reply;
mod row;
mod statements;
mod unit_of_work;
mod usage;
mod verify_server;
mod views;

pub use aggregate_rows::AggregateRows;
pub use changes::Change;
pub use committer::{CommitterSettings, LogState};
pub use connection_limit::{ConnectionLimit, ConnectionNeeds, TooFewConnections};
pub use database::Database;
pub(crate) use inbox::Parking;
pub use listener::Listener;
pub use mapping::{FindIds, Persisted, PersistedReadModel};
#[cfg(feature = "testing-postgres")]
pub(crate) use migrations::CONTEXT;
pub use migrations::{Migrations, migrate};
pub(crate) use outbox::LAST_SEQ;
pub use pool::Pool;
pub use probe::{DatabaseState, ParkedCounts, Probe, Readiness};
pub use read_error::ReadError;
pub use reads::Reads;
pub use row::{Column, Kind, ListedRow, Param, Part, Projection, Root, Row, Table};
pub use unit_of_work::{PgUnitOfWork, PgUnitOfWorkFactory};
pub use usage::watch_connection_usage;
pub use verify_server::verify_server;
