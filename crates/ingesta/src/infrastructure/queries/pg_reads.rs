//! The connections that the answers read with.

use crate::{domain::ingesta::IngestaEvent, infrastructure::tables::IngestaRow};
use seedwork::infrastructure::postgres::{PgUnitOfWorkFactory, Pool, Reads};

/// Answers the queries of this context from PostgreSQL.
pub(in crate::infrastructure) struct PgReads {
    /// Grouped reads by id.
    pub(super) ingestas: Reads<IngestaRow>,
    /// Connections for lists.
    pub(super) pool: Pool,
}

impl PgReads {
    /// Opens the reads of this context.
    pub(in crate::infrastructure) fn open(factory: &PgUnitOfWorkFactory<IngestaEvent>, lists: Pool) -> Self {
        Self { ingestas: factory.reads(), pool: lists }
    }
}
