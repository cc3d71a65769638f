//! The PostgreSQL adapter: units of work, the group committer, the log and grouped reads.

mod connection;
mod context;
mod migrations;
mod probe;
mod read;
mod reply;
mod tables;
mod write;

pub use connection::{
    connection_limit::{ConnectionLimit, ConnectionNeeds, TooFewConnections},
    database::Database,
    listener::Listener,
    pool::Pool,
    read_error::ReadError,
    usage::watch_connection_usage,
    verify_server::verify_server,
};
pub use context::{PgCommandBus, PgContext, PgUow};
#[cfg(feature = "testing-postgres")]
pub(crate) use migrations::CONTEXT;
pub use migrations::{Migrations, migrate};
pub use probe::{DatabaseState, ParkedCounts, Probe, Readiness};
pub use read::reads::Reads;
pub use tables::{
    aggregate_rows::AggregateRows,
    changes::Change,
    mapping::{FindIds, Persisted, PersistedReadModel, stored_version},
    row::{Column, ListedRow, Param, Part, Projection, Root, Row, RowRole, Table},
};
pub use write::{
    committer::{CommitterSettings, LogState},
    unit_of_work::{PgUnitOfWork, PgUnitOfWorkFactory},
};
pub(crate) use write::{inbox::Parking, outbox::LAST_SEQ};
