//! The connections that the answers read with.

use crate::{
    domain::ClientesEvent,
    infrastructure::tables::{ClienteRow, ExpedienteRow},
};
use seedwork::infrastructure::postgres::{PgUnitOfWorkFactory, Pool, Reads};

/// Answers the queries of this context from PostgreSQL.
pub(in crate::infrastructure) struct PgReads {
    /// Grouped reads by id.
    pub(super) clientes: Reads<ClienteRow>,
    /// Grouped reads by the id of the cliente.
    pub(super) expedientes: Reads<ExpedienteRow>,
    /// Connections for lists.
    pub(super) pool: Pool,
}

impl PgReads {
    /// Opens the reads of this context.
    pub(in crate::infrastructure) fn open(factory: &PgUnitOfWorkFactory<ClientesEvent>, lists: Pool) -> Self {
        Self { clientes: factory.reads(), expedientes: factory.reads(), pool: lists }
    }
}
