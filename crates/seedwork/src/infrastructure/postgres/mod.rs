//! The PostgreSQL adapter: units of work, the group committer, the log and grouped reads.

mod batch_loader;
mod changes;
mod committer;
mod connection_limit;
mod connector;
mod database;
mod inbox;
mod lanes;
mod listener;
mod migrations;
mod outbox;
mod partitions;
mod pool;
mod probe;
mod reads;
mod reply;
mod row;
mod statements;
mod unit_of_work;
mod usage;
mod verify_server;
mod views;

pub use changes::Change;
pub use committer::{CommitterSettings, LogState};
pub use connection_limit::{ConnectionLimit, ConnectionNeeds, TooFewConnections};
pub use database::Database;
pub(crate) use inbox::Parking;
pub use listener::Listener;
#[cfg(feature = "testing-postgres")]
pub(crate) use migrations::CONTEXT;
pub use migrations::{Migrations, migrate};
pub(crate) use outbox::LAST_SEQ;
pub use pool::Pool;
pub use probe::{DatabaseState, ParkedCounts, Probe, Readiness};
pub use reads::{ReadError, Reads};
pub use row::{AggregateRows, Column, Kind, ListedRow, Param, Part, Projection, Root, Row, Table};
pub use unit_of_work::{FindIds, Persisted, PersistedReadModel, PgUnitOfWork, PgUnitOfWorkFactory};
pub use usage::watch_connection_usage;
pub use verify_server::verify_server;
