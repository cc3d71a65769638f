//! Answers [`ReservaPorId`] with a grouped read.

use super::PgReads;
use crate::{
    application::{
        VuelosFault,
        queries::{PasajeroView, ReservaPorId, ReservaView},
    },
    infrastructure::{
        json::{ItinerarioJson, PasajeroJson, read},
        tables::ReservaRow,
    },
};
use seedwork::{application::QueryHandler, domain::Violations};

impl QueryHandler<ReservaPorId> for PgReads {
    async fn handle(&self, query: ReservaPorId) -> Result<ReservaView, VuelosFault> {
        self.reservas.view(query.id.into()).await?.ok_or(VuelosFault::NoExiste(query.id))
    }
}

/// The texts of a row were checked when it was written.
impl TryFrom<ReservaRow> for ReservaView {
    type Error = Violations;

    fn try_from(row: ReservaRow) -> Result<Self, Violations> {
        let ReservaRow {
            id,
            id_cliente,
            estado,
            tipo_vuelo,
            ruta,
            fecha_salida,
            pasajeros,
            itinerarios,
            fecha_creacion,
            fecha_actualizacion,
            motivo,
            version,
        } = row;
        let mut found = Violations::collect();
        let estado = found.field("estado", estado.parse());
        let tipo_vuelo = found.field("tipo_vuelo", tipo_vuelo.parse());
        let pasajeros = found.field("pasajeros", read::<Vec<PasajeroJson<'_>>>(&pasajeros));
        let pasajeros = pasajeros.and_then(|all| found.each("pasajeros", all, PasajeroView::try_from));
        let itinerarios = found.field("itinerarios", read::<Vec<ItinerarioJson>>(&itinerarios));
        found.check(|| {
            Some(Self {
                id,
                id_cliente,
                estado: estado?,
                tipo_vuelo: tipo_vuelo?,
                ruta,
                fecha_salida,
                pasajeros: pasajeros?,
                itinerarios: itinerarios?.into_iter().map(Into::into).collect(),
                fecha_creacion,
                fecha_actualizacion,
                motivo,
                version: version.unsigned_abs(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reserva::{Estado, examples::*};

    #[test]
    fn a_row_becomes_the_view_of_its_reserva() {
        for estado in Estado::ALL {
            assert_eq!(ReservaView::try_from(ReservaRow::from(en(estado))), Ok(ReservaView::from(&en(estado))));
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error_with_every_column_at_fault() {
        let row = ReservaRow {
            estado: "Perdida".into(),
            tipo_vuelo: "vuelta".into(),
            pasajeros: r#"[{"tipo":"Adulto","clase":"Turista"}]"#.into(),
            itinerarios: "{".into(),
            ..en(Estado::Pendiente).into()
        };
        let refused = ReservaView::try_from(row).unwrap_err();
        let columns: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(columns, ["estado", "tipo_vuelo", "pasajeros[0].clase", "itinerarios"]);
    }
}
