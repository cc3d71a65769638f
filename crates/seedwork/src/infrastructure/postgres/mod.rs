//! PostgreSQL: units of work, the group committer, the log, grouped reads.

mod changes;
mod committer;
mod connections;
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
mod reader;
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
pub use connections::{Connections, Needs, TooFew};
pub use database::Database;
pub(crate) use inbox::Parking;
pub use listener::Listener;
#[cfg(feature = "testing-postgres")]
pub(crate) use migrations::CONTEXT;
pub use migrations::{Migrations, migrate};
pub(crate) use outbox::LAST;
pub use pool::Pool;
pub use probe::{DatabaseState, Probe, SetAside, Standing};
pub use reads::{ReadError, Reads};
pub use row::{Column, Kind, Listed, Param, Part, Projection, Record, Root, Row, Table};
pub use unit_of_work::{FindIds, Persisted, PersistedReadModel, PgUnitOfWork, PgUnitOfWorkFactory};
pub use usage::watch;
pub use verify_server::verify_server;
