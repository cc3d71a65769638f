//! The connections that the answers read with.

use crate::{domain::reserva::ReservaEvent, infrastructure::tables::ReservaRow};
use seedwork::infrastructure::postgres::{PgUnitOfWorkFactory, Pool, Reads};

/// Answers the queries of this context from PostgreSQL.
pub(in crate::infrastructure) struct PgReads {
    /// Grouped reads by id.
    pub(super) reservas: Reads<ReservaRow>,
    /// Connections for lists.
    pub(super) pool: Pool,
}

impl PgReads {
    /// Opens the reads of this context.
    pub(in crate::infrastructure) fn open(factory: &PgUnitOfWorkFactory<ReservaEvent>, lists: Pool) -> Self {
        Self { reservas: factory.reads(), pool: lists }
    }
}
