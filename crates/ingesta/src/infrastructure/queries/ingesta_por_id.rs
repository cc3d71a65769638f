//! Answers [`IngestaPorId`] with a grouped read.

use super::PgReads;
use crate::{
    application::{
        IngestaFault,
        queries::{IngestaPorId, IngestaView},
    },
    domain::ingesta::EstadoInvalido,
    infrastructure::tables::IngestaRow,
};
use seedwork::application::QueryHandler;

impl QueryHandler<IngestaPorId> for PgReads {
    async fn handle(&self, query: IngestaPorId) -> Result<IngestaView, IngestaFault> {
        self.ingestas.view(query.id.into()).await?.ok_or(IngestaFault::NoExiste(query.id))
    }
}

/// The texts of a row were checked when it was written.
impl TryFrom<IngestaRow> for IngestaView {
    type Error = EstadoInvalido;

    fn try_from(row: IngestaRow) -> Result<Self, EstadoInvalido> {
        let IngestaRow {
            id,
            id_proveedor,
            id_paciente,
            url_path,
            estado,
            fecha_creacion,
            fecha_actualizacion,
            fecha_eliminacion,
            motivo,
            version,
        } = row;
        Ok(Self {
            id,
            id_proveedor,
            id_paciente,
            url_path,
            estado: estado.parse()?,
            fecha_creacion,
            fecha_actualizacion,
            fecha_eliminacion,
            motivo,
            version: version.unsigned_abs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::{Datos, Estado, Ingesta, examples::*};

    #[test]
    fn a_row_becomes_the_view_of_its_ingesta() {
        let datos = Datos { motivo: Some(motivo()), ..en(Estado::Eliminada).datos().clone() };
        let ingesta = Ingesta::restaurar(datos, 3);
        let view = IngestaView {
            id: ID.into(),
            id_proveedor: "proveedor-7".into(),
            id_paciente: "PAC 0042".into(),
            url_path: "https://imagenes.example/torax.dcm".into(),
            estado: Estado::Eliminada.into(),
            fecha_creacion: AYER,
            fecha_actualizacion: AYER,
            fecha_eliminacion: Some(AYER),
            motivo: Some("imagen borrosa".into()),
            version: 3,
        };
        assert_eq!(IngestaView::try_from(IngestaRow::from(ingesta)), Ok(view));
    }

    #[test]
    fn a_row_in_an_unknown_state_is_refused() {
        let row = IngestaRow { estado: "Perdida".into(), ..en(Estado::Creada).into() };
        assert_eq!(IngestaView::try_from(row), Err(EstadoInvalido));
    }
}
