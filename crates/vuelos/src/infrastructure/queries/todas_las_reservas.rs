//! Answers [`TodasLasReservas`] with one page of the table.

use super::PgReads;
use crate::{
    application::{
        VuelosFault,
        queries::{ReservaView, TodasLasReservas},
    },
    infrastructure::tables::{ReservaRow, reservas},
};
use diesel::{ExpressionMethods, QueryDsl};
use seedwork::application::{Page, QueryHandler};
use uuid::Uuid;

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
