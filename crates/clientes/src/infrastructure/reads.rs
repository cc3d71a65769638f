//! What answers the queries: the tables, read directly.

use super::tables::{ClienteRow, ExpedienteRow, ReservaRow, clientes, reservas};
use crate::{
    application::{
        ClientesFault,
        queries::{
            ClientePorId, ClienteView, ClientesDesactivados, ExpedienteDeCliente, ExpedienteView, TodosLosClientes,
        },
    },
    domain::cliente::Estado,
};
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use seedwork::{
    application::{Page, QueryHandler},
    infrastructure::postgres::{Pool, Reads},
};
use uuid::Uuid;

/// Answers the queries of this context from PostgreSQL.
pub(super) struct PgReads {
    /// By id, many at once.
    pub(super) clientes: Reads<ClienteRow>,
    /// By the cliente's id, many at once.
    pub(super) expedientes: Reads<ExpedienteRow>,
    /// Connections for lists.
    pub(super) pool: Pool,
}

impl QueryHandler<ClientePorId> for PgReads {
    async fn handle(&self, query: ClientePorId) -> Result<ClienteView, ClientesFault> {
        self.clientes.view(query.id.into()).await?.ok_or(ClientesFault::NoExiste(query.id))
    }
}

impl QueryHandler<TodosLosClientes> for PgReads {
    async fn handle(&self, query: TodosLosClientes) -> Result<Page<ClienteView>, ClientesFault> {
        let rows = ClienteRow::newest_first(&query.page);
        Ok(self.pool.page(rows, query.page).await?)
    }
}

impl QueryHandler<ClientesDesactivados> for PgReads {
    async fn handle(&self, query: ClientesDesactivados) -> Result<Page<ClienteView>, ClientesFault> {
        let rows = ClienteRow::newest_first(&query.page).filter(clientes::estado.eq(Estado::Desactivado.as_str()));
        Ok(self.pool.page(rows, query.page).await?)
    }
}

/// A cliente has its expediente from the beginning: without one there is no such cliente.
impl QueryHandler<ExpedienteDeCliente> for PgReads {
    async fn handle(&self, query: ExpedienteDeCliente) -> Result<ExpedienteView, ClientesFault> {
        let id = Uuid::from(query.cliente);
        let expediente: Option<ExpedienteView> = self.expedientes.view(id).await?;
        let expediente = expediente.ok_or(ClientesFault::NoExiste(query.cliente))?;
        let rows = reservas::table.filter(reservas::id_cliente.eq(id)).order((reservas::fecha, reservas::id));
        let reservas = self.pool.views::<_, ReservaRow, _>(rows.select(ReservaRow::as_select())).await?;
        Ok(ExpedienteView { reservas, ..expediente })
    }
}
