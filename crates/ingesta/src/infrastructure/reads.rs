//! What answers the queries: the tables, read directly.

use super::tables::{IngestaRow, ingestas};
use crate::{
    application::{
        IngestaFault,
        queries::{IngestaPorId, IngestaView, TodasLasIngestas},
    },
    domain::ingesta::Estado,
};
use diesel::{ExpressionMethods, QueryDsl};
use seedwork::{
    application::{Page, QueryHandler},
    infrastructure::postgres::{Pool, Reads},
};

/// Answers the queries of this context from PostgreSQL.
pub(super) struct PgReads {
    /// By id, many at once.
    pub(super) ingestas: Reads<IngestaRow>,
    /// Connections for lists.
    pub(super) pool: Pool,
}

impl QueryHandler<IngestaPorId> for PgReads {
    async fn handle(&self, query: IngestaPorId) -> Result<IngestaView, IngestaFault> {
        self.ingestas.view(query.id.into()).await?.ok_or(IngestaFault::NoExiste(query.id))
    }
}

impl QueryHandler<TodasLasIngestas> for PgReads {
    async fn handle(&self, query: TodasLasIngestas) -> Result<Page<IngestaView>, IngestaFault> {
        let TodasLasIngestas { estado, proveedor, paciente, page } = query;
        let mut rows = IngestaRow::newest_first(&page);
        rows = match estado {
            Some(estado) => rows.filter(ingestas::estado.eq(estado.as_str())),
            None => rows.filter(ingestas::estado.ne(Estado::Eliminada.as_str())),
        };
        if let Some(proveedor) = proveedor {
            rows = rows.filter(ingestas::id_proveedor.eq(proveedor.to_string()));
        }
        if let Some(paciente) = paciente {
            rows = rows.filter(ingestas::id_paciente.eq(paciente.to_string()));
        }
        Ok(self.pool.page(rows, page).await?)
    }
}
