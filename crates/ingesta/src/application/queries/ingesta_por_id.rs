//! One ingesta, also when it is deleted.

use crate::{
    application::IngestaFault,
    domain::ingesta::{Estado, IngestaId},
};
use seedwork::{
    application::{Query, by_name},
    domain::{Timestamp, Version},
};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the ingesta with this id; [`IngestaFault::NoExiste`] when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestaPorId {
    /// Which ingesta.
    pub id: IngestaId,
}

impl Query for IngestaPorId {
    const NAME: &'static str = "ingesta-por-id";
    type Output = IngestaView;
    type Error = IngestaFault;
}

/// An ingesta as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngestaView {
    /// Which ingesta.
    pub id: Uuid,
    /// Who handed the image in.
    pub id_proveedor: String,
    /// Whose image it is.
    pub id_paciente: String,
    /// Where the image is.
    pub url_path: String,
    /// What became of it.
    #[serde(serialize_with = "by_name")]
    pub estado: Estado,
    /// When it was handed in.
    pub fecha_creacion: Timestamp,
    /// When it last changed.
    pub fecha_actualizacion: Timestamp,
    /// When it was deleted, if it was.
    pub fecha_eliminacion: Option<Timestamp>,
    /// The last reason that somebody gave for a change.
    pub motivo: Option<String>,
    /// How often it has changed.
    pub version: Version,
}

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
            estado: Estado::Alertada,
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
