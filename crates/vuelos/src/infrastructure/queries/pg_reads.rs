//! The connections that the answers read with.

use crate::infrastructure::tables::ReservaRow;
use seedwork::infrastructure::postgres::{Pool, Reads};

/// Answers the queries of this context from PostgreSQL.
pub(in crate::infrastructure) struct PgReads {
    /// Grouped reads by id.
    pub(in crate::infrastructure) reservas: Reads<ReservaRow>,
    /// Connections for lists.
    pub(in crate::infrastructure) pool: Pool,
}
