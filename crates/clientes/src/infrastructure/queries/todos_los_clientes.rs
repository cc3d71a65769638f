//! Answers [`TodosLosClientes`] with one page of the table.

use super::PgReads;
use crate::{
    application::{
        ClientesFault,
        queries::{ClienteView, TodosLosClientes},
    },
    infrastructure::tables::ClienteRow,
};
use seedwork::application::{Page, QueryHandler};

impl QueryHandler<TodosLosClientes> for PgReads {
    async fn handle(&self, query: TodosLosClientes) -> Result<Page<ClienteView>, ClientesFault> {
        let rows = ClienteRow::newest_first(&query.page);
        Ok(self.pool.page(rows, query.page).await?)
    }
}
