//! The connections that the answers read with.

use crate::infrastructure::tables::{ClienteRow, ExpedienteRow};
use seedwork::infrastructure::postgres::{Pool, Reads};

/// Answers the queries of this context from PostgreSQL.
pub(in crate::infrastructure) struct PgReads {
    /// Grouped reads by id.
    pub(in crate::infrastructure) clientes: Reads<ClienteRow>,
    /// Grouped reads by the id of the cliente.
    pub(in crate::infrastructure) expedientes: Reads<ExpedienteRow>,
    /// Connections for lists.
    pub(in crate::infrastructure) pool: Pool,
}
