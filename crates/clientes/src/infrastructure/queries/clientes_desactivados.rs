//! Answers [`ClientesDesactivados`] with one page of the table.

use super::PgReads;
use crate::{
    application::{
        ClientesFault,
        queries::{ClienteView, ClientesDesactivados},
    },
    domain::cliente::Estado,
    infrastructure::tables::{ClienteRow, clientes},
};
use diesel::{ExpressionMethods, QueryDsl};
use seedwork::application::{Page, QueryHandler};

impl QueryHandler<ClientesDesactivados> for PgReads {
    async fn handle(&self, query: ClientesDesactivados) -> Result<Page<ClienteView>, ClientesFault> {
        let rows = ClienteRow::newest_first(&query.page).filter(clientes::estado.eq(Estado::Desactivado.as_str()));
        Ok(self.pool.page(rows, query.page).await?)
    }
}
