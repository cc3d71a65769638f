//! Answers [`ReservasNoPagadas`] with one page of the table.

use super::PgReads;
use crate::{
    application::{
        VuelosFault,
        queries::{ReservaView, ReservasNoPagadas},
    },
    infrastructure::tables::ReservaRow,
};
use diesel::{QueryDsl, dsl::sql, sql_types::Bool};
use seedwork::application::{Page, QueryHandler};

impl QueryHandler<ReservasNoPagadas> for PgReads {
    async fn handle(&self, query: ReservasNoPagadas) -> Result<Page<ReservaView>, VuelosFault> {
        let rows = ReservaRow::newest_first(&query.page);
        // Literals, not parameters: otherwise PostgreSQL cannot use the index of these states alone.
        let rows = rows.filter(sql::<Bool>("estado IN ('Pendiente', 'Aprobada')"));
        Ok(self.pool.page(rows, query.page).await?)
    }
}
