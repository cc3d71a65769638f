//! The connections that the answers read with.

use crate::infrastructure::tables::IngestaRow;
use seedwork::infrastructure::postgres::{Pool, Reads};

/// Answers the queries of this context from PostgreSQL.
pub(in crate::infrastructure) struct PgReads {
    /// Grouped reads by id.
    pub(in crate::infrastructure) ingestas: Reads<IngestaRow>,
    /// Connections for lists.
    pub(in crate::infrastructure) pool: Pool,
}
