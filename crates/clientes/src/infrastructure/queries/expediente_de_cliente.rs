//! Answers [`ExpedienteDeCliente`] with a grouped read, and a list of the reservas.

use super::PgReads;
use crate::{
    application::{
        ClientesFault,
        queries::{ExpedienteDeCliente, ExpedienteView, ReservaView},
    },
    domain::expediente::EstadoInvalido,
    infrastructure::tables::{ExpedienteRow, ReservaRow, reservas},
};
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use seedwork::application::QueryHandler;
use uuid::Uuid;

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

/// The expediente without its reservas, which are rows of another table.
impl TryFrom<ExpedienteRow> for ExpedienteView {
    type Error = EstadoInvalido;

    fn try_from(row: ExpedienteRow) -> Result<Self, EstadoInvalido> {
        let ExpedienteRow { id, estado, fecha_apertura, version } = row;
        let (estado, version) = (estado.parse()?, version.unsigned_abs());
        Ok(Self { id_cliente: id, estado, fecha_apertura, reservas: Vec::new(), version })
    }
}

impl From<ReservaRow> for ReservaView {
    fn from(row: ReservaRow) -> Self {
        let ReservaRow { id, id_cliente: _, estado, ruta, fecha, version: _ } = row;
        Self { id_reserva: id, estado, ruta, fecha }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        cliente::examples::{AYER, ID},
        expediente::{Estado, examples::en},
    };

    #[test]
    fn a_row_becomes_the_view_of_its_expediente() {
        let row = ExpedienteRow::from(en(Estado::Cerrado));
        let (id_cliente, estado, fecha_apertura) = (ID.into(), Estado::Cerrado.into(), row.fecha_apertura);
        let view = ExpedienteView { id_cliente, estado, fecha_apertura, reservas: Vec::new(), version: 1 };
        assert_eq!(ExpedienteView::try_from(row), Ok(view));
    }

    #[test]
    fn a_row_in_an_unknown_state_is_refused() {
        let row = ExpedienteRow { estado: "Perdido".into(), ..en(Estado::Abierto).into() };
        assert_eq!(ExpedienteView::try_from(row), Err(EstadoInvalido));
    }

    #[test]
    fn a_row_becomes_the_view_of_its_reserva() {
        let (id, estado, ruta) = (Uuid::from_u128(7), "Pendiente".to_owned(), "BOG-JFK".to_owned());
        let view = ReservaView { id_reserva: id, estado: estado.clone(), ruta: ruta.clone(), fecha: AYER };
        let row = ReservaRow { id, id_cliente: ID.into(), estado, ruta, fecha: AYER, version: 2 };
        assert_eq!(ReservaView::from(row), view);
    }
}
