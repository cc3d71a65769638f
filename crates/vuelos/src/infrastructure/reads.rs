//! What answers the queries: the tables, read directly.

use super::tables::{ReservaRow, reservas};
use crate::{
    application::{
        VuelosFault,
        queries::{ReservaPorId, ReservaView, ReservasNoPagadas, TodasLasReservas},
    },
    domain::reserva::PendientesDe,
};
use diesel::{ExpressionMethods, QueryDsl, QueryResult, dsl::sql, sql_types::Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use seedwork::{
    application::{Page, QueryHandler},
    infrastructure::postgres::{FindIds, Pool, Reads},
};
use uuid::Uuid;

// States are written into the queries below, not given as parameters: that an index of some states alone answers them can
// only be seen so.

/// Answers the queries of this context from PostgreSQL.
pub(super) struct PgReads {
    /// By id, many at once.
    pub(super) reservas: Reads<ReservaRow>,
    /// Connections for lists.
    pub(super) pool: Pool,
}

impl QueryHandler<ReservaPorId> for PgReads {
    async fn handle(&self, query: ReservaPorId) -> Result<ReservaView, VuelosFault> {
        self.reservas.view(query.id.into()).await?.ok_or(VuelosFault::NoExiste(query.id))
    }
}

impl QueryHandler<TodasLasReservas> for PgReads {
    async fn handle(&self, query: TodasLasReservas) -> Result<Page<ReservaView>, VuelosFault> {
        let TodasLasReservas { estado, cliente, page } = query;
        let mut rows = ReservaRow::newest_first(&page);
        if let Some(estado) = estado {
            rows = rows.filter(reservas::estado.eq(estado.as_str()));
        }
        if let Some(cliente) = cliente {
            rows = rows.filter(reservas::id_cliente.eq(Uuid::from(cliente)));
        }
        Ok(self.pool.page(rows, page).await?)
    }
}

impl QueryHandler<ReservasNoPagadas> for PgReads {
    async fn handle(&self, query: ReservasNoPagadas) -> Result<Page<ReservaView>, VuelosFault> {
        let rows = ReservaRow::newest_first(&query.page);
        let rows = rows.filter(sql::<Bool>("estado IN ('Pendiente', 'Aprobada')"));
        Ok(self.pool.page(rows, query.page).await?)
    }
}

impl FindIds for PendientesDe {
    async fn ids(&self, most: i64, db: &mut AsyncPgConnection) -> QueryResult<Vec<Uuid>> {
        let pendientes = reservas::table.filter(sql::<Bool>("estado = 'Pendiente'"));
        let suyas = pendientes.filter(reservas::id_cliente.eq(Uuid::from(self.0)));
        suyas.select(reservas::id).limit(most).load(db).await
    }
}
