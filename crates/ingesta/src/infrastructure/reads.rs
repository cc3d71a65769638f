//! What answers the queries: the tables, read directly.

use super::tables::{IngestaRow, ingestas};
use crate::{
    application::{
        IngestaFault,
        queries::{IngestaPorId, IngestaView, TodasLasIngestas},
    },
    domain::ingesta::Estado,
};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use seedwork::{
    application::{CommitError, Page, Position, QueryHandler},
    domain::Violations,
    infrastructure::postgres::{Pool, ReadError, Reads},
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
        let row = self.ingestas.by_id(query.id.into()).await.map_err(away)?;
        row.ok_or(IngestaFault::NoExiste(query.id))?.try_into().map_err(unreadable)
    }
}

/// Few shapes of one query, so each stays prepared, boxed as it is: diesel knows a boxed one by its text.
impl QueryHandler<TodasLasIngestas> for PgReads {
    async fn handle(&self, query: TodasLasIngestas) -> Result<Page<IngestaView>, IngestaFault> {
        let TodasLasIngestas { estado, proveedor, paciente, page } = query;
        let order = (ingestas::fecha_creacion.desc(), ingestas::id.desc());
        let mut rows =
            ingestas::table.select(IngestaRow::as_select()).order(order).limit(page.with_one_more()).into_boxed();
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
        if let Some(Position { created, id }) = page.after {
            // The first condition is where the index begins to be read.
            let of_that_moment = ingestas::fecha_creacion.lt(created).or(ingestas::id.lt(id));
            rows = rows.filter(ingestas::fecha_creacion.le(created).and(of_that_moment));
        }
        let mut db = self.pool.get().await.map_err(away)?;
        let rows = rows.load(&mut *db).await.map_err(|error| {
            tracing::error!(%error, "ingestas were not listed");
            away(ReadError)
        })?;
        let Page { items, next } = page.page(rows, |row| Position { created: row.fecha_creacion, id: row.id });
        let items = items.into_iter().map(|row| row.try_into().map_err(unreadable)).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }
}

fn away(_: ReadError) -> IngestaFault {
    CommitError::Unavailable.into()
}

fn unreadable(refused: Violations) -> IngestaFault {
    CommitError::Defect(format!("a stored ingesta cannot be shown: {refused}")).into()
}
