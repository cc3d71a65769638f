//! One ingesta by its id, deleted or not.

use crate::{
    application::IngestaFault,
    domain::ingesta::{Estado, IngestaId},
};
use chrono::{DateTime, Utc};
use seedwork::application::{Named, Query};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the ingesta with this id; [`IngestaFault::NoExiste`] if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestaPorId {
    pub id: IngestaId,
}

impl Query for IngestaPorId {
    const NAME: &'static str = "ingesta-por-id";
    type Output = IngestaView;
    type Error = IngestaFault;
}

/// Una imagen médica que un proveedor entregó para un paciente, y su estado.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Ingesta))]
pub struct IngestaView {
    /// El identificador de la ingesta.
    pub id: Uuid,
    /// El proveedor que entregó la imagen.
    #[cfg_attr(feature = "infrastructure", schema(example = "proveedor-7"))]
    pub id_proveedor: String,
    /// El paciente de la imagen.
    #[cfg_attr(feature = "infrastructure", schema(example = "PAC 0042"))]
    pub id_paciente: String,
    /// La dirección de la imagen.
    #[cfg_attr(feature = "infrastructure", schema(example = "https://imagenes.example/torax.dcm"))]
    pub url_path: String,
    /// El estado de la ingesta.
    pub estado: EstadoDeIngesta,
    /// El momento en que se entregó la imagen.
    pub fecha_creacion: DateTime<Utc>,
    /// El momento del último cambio.
    pub fecha_actualizacion: DateTime<Utc>,
    /// El momento en que se eliminó; nulo si no se ha eliminado.
    #[cfg_attr(feature = "infrastructure", schema(required))]
    pub fecha_eliminacion: Option<DateTime<Utc>>,
    /// El último motivo que se dio para un cambio; nulo si no se ha dado ninguno.
    #[cfg_attr(feature = "infrastructure", schema(required))]
    pub motivo: Option<String>,
    /// La versión de la ingesta: aumenta en uno con cada cambio.
    pub version: u32,
}

pub type EstadoDeIngesta = Named<Estado>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::examples::*;

    #[test]
    fn a_client_reads_every_field_in_its_order_with_dates_in_utc() {
        let view = IngestaView {
            id: ID.into(),
            id_proveedor: "proveedor-7".into(),
            id_paciente: "PAC 0042".into(),
            url_path: "https://imagenes.example/torax.dcm".into(),
            estado: Estado::Alertada.into(),
            fecha_creacion: AYER,
            fecha_actualizacion: AHORA,
            fecha_eliminacion: None,
            motivo: Some("imagen borrosa".into()),
            version: 2,
        };
        let json = concat!(
            r#"{"id":"0198c0de-0000-7000-8000-000000000001","id_proveedor":"proveedor-7","id_paciente":"PAC 0042","#,
            r#""url_path":"https://imagenes.example/torax.dcm","estado":"Alertada","#,
            r#""fecha_creacion":"2025-12-31T00:00:00Z","fecha_actualizacion":"2026-01-01T00:00:00.123456Z","#,
            r#""fecha_eliminacion":null,"motivo":"imagen borrosa","version":2}"#,
        );
        assert_eq!(serde_json::to_string(&view).unwrap(), json);
    }
}
