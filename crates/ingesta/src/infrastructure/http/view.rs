//! What the OpenAPI document says of an ingesta. The application layer knows no OpenAPI, so it is said here; a test holds
//! the two together.

use chrono::{DateTime, Utc};
use utoipa::ToSchema;
use uuid::Uuid;

/// An ingesta.
#[derive(ToSchema)]
#[schema(as = Ingesta)]
#[expect(dead_code, reason = "it is only described")]
pub(super) struct IngestaSchema {
    /// Which ingesta.
    id: Uuid,
    /// Who handed the image in.
    id_proveedor: String,
    /// Whose image it is.
    id_paciente: String,
    /// Where the image is.
    url_path: String,
    /// What became of it.
    estado: EstadoSchema,
    /// When it was handed in.
    fecha_creacion: DateTime<Utc>,
    /// When it last changed.
    fecha_actualizacion: DateTime<Utc>,
    /// When it was deleted, if it was.
    #[schema(required)]
    fecha_eliminacion: Option<DateTime<Utc>>,
    /// The last reason that somebody gave for a change.
    #[schema(required)]
    motivo: Option<String>,
    /// How often it has changed.
    version: u32,
}

/// What became of an ingesta.
#[derive(ToSchema)]
#[schema(as = EstadoDeIngesta)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum EstadoSchema {
    Creada,
    Pendiente,
    Alertada,
    Rechazada,
    Finalizada,
    Fallida,
    Eliminada,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::queries::IngestaView,
        domain::ingesta::{Estado, examples::en},
        infrastructure::tables::IngestaRow,
    };
    use serde_json::{Value, to_value};
    use utoipa::PartialSchema;

    #[test]
    fn the_document_says_what_clients_read() {
        let view = IngestaView::try_from(IngestaRow::from(en(Estado::Creada))).unwrap();
        let said = to_value(IngestaSchema::schema()).unwrap();
        let names = |value: &Value| value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>());
        assert_eq!(names(&said["properties"]), names(&to_value(view).unwrap()));
        let states: Vec<_> = Estado::ALL.iter().map(|estado| Value::from(estado.as_str())).collect();
        assert_eq!(to_value(EstadoSchema::schema()).unwrap()["enum"], Value::from(states));
    }
}
