//! The records of `eventos-ingesta`: what `schema/ingesta/v1` says, in Rust.
//!
//! They are apart from the domain's events, so that the domain can change and what was promised to the world does not.

use crate::domain::ingesta::{Estado, Hechos};
use chrono::serde::ts_microseconds;
use seedwork::{
    application::{IntegrationEvent, Symbol},
    domain::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An image was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id_ingesta, version = version)]
pub struct IngestaCreada {
    /// Which ingesta.
    pub id_ingesta: Uuid,
    /// Who handed the image in.
    pub id_proveedor: String,
    /// Whose image it is.
    pub id_paciente: String,
    /// Where the image is.
    pub url_path: String,
    /// What became of it.
    pub estado: Symbol<Estado>,
    /// When this happened.
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
    /// The version of the ingesta that this brought: 1.
    pub version: i64,
}

impl From<&Hechos> for IngestaCreada {
    fn from(hechos: &Hechos) -> Self {
        Self {
            id_ingesta: hechos.id.into(),
            id_proveedor: hechos.proveedor.to_string(),
            id_paciente: hechos.paciente.to_string(),
            url_path: hechos.url.to_string(),
            estado: hechos.estado.into(),
            fecha: hechos.fecha,
            version: hechos.version.into(),
        }
    }
}

/// Declares the records of what happens to an ingesta later: all have the same fields.
macro_rules! changes {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "eventos-ingesta", key = id_ingesta, version = version)]
        pub struct $record {
            /// Which ingesta.
            pub id_ingesta: Uuid,
            /// Who handed the image in.
            pub id_proveedor: String,
            /// Whose image it is.
            pub id_paciente: String,
            /// Where the image is.
            pub url_path: String,
            /// What became of it.
            pub estado: Symbol<Estado>,
            /// The last reason that somebody gave, now or earlier.
            pub motivo: Option<String>,
            /// When this happened.
            #[serde(with = "ts_microseconds")]
            pub fecha: Timestamp,
            /// The version of the ingesta that this brought: one more than the last.
            pub version: i64,
        }

        impl From<&Hechos> for $record {
            fn from(hechos: &Hechos) -> Self {
                Self {
                    id_ingesta: hechos.id.into(),
                    id_proveedor: hechos.proveedor.to_string(),
                    id_paciente: hechos.paciente.to_string(),
                    url_path: hechos.url.to_string(),
                    estado: hechos.estado.into(),
                    motivo: hechos.motivo.as_ref().map(ToString::to_string),
                    fecha: hechos.fecha,
                    version: hechos.version.into(),
                }
            }
        }
    )+};
}

changes! {
    /// The work on an image began, or went on after an alert.
    IngestaEnProceso = "sta.ingesta.v1.IngestaEnProceso";
    /// An alert was raised.
    IngestaAlertada = "sta.ingesta.v1.IngestaAlertada";
    /// An image was refused.
    IngestaRechazada = "sta.ingesta.v1.IngestaRechazada";
    /// The work on an image ended well.
    IngestaFinalizada = "sta.ingesta.v1.IngestaFinalizada";
    /// What was begun with an image was taken back.
    IngestaFallida = "sta.ingesta.v1.IngestaFallida";
    /// An ingesta was deleted.
    IngestaEliminada = "sta.ingesta.v1.IngestaEliminada";
}

/// A command from the broker was refused: the answer to it, since nobody waits for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.ComandoRechazado", topic = "eventos-ingesta", key = id_ingesta)]
pub struct ComandoRechazado {
    /// Which ingesta the command was for.
    pub id_ingesta: Uuid,
    /// The id of the command's message, as its sender chose it.
    pub id_comando: String,
    /// The name of the command's record.
    pub comando: String,
    /// The name of the rule that it breaks, in kebab-case.
    pub regla: String,
    /// What is wrong, in Spanish.
    pub detalle: String,
    /// When it was refused.
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::examples::*;
    use serde_json::{json, to_value};

    #[test]
    fn a_new_ingesta_tells_all_its_facts() {
        let event = IngestaCreada::from(&Hechos { version: 1, ..hechos(Estado::Creada, None) });
        let expected = json!({
            "id_ingesta": "0198c0de-0000-7000-8000-000000000001",
            "id_proveedor": "proveedor-7",
            "id_paciente": "PAC 0042",
            "url_path": "https://imagenes.example/torax.dcm",
            "estado": "Creada",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 1,
        });
        assert_eq!(to_value(event).unwrap(), expected);
    }

    #[test]
    fn a_change_tells_all_facts_and_the_motivo() {
        let event = IngestaAlertada::from(&hechos(Estado::Alertada, Some(motivo())));
        let expected = json!({
            "id_ingesta": "0198c0de-0000-7000-8000-000000000001",
            "id_proveedor": "proveedor-7",
            "id_paciente": "PAC 0042",
            "url_path": "https://imagenes.example/torax.dcm",
            "estado": "Alertada",
            "motivo": "imagen borrosa",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 2,
        });
        assert_eq!(to_value(event).unwrap(), expected);
    }

    #[test]
    fn messages_of_one_ingesta_share_its_id_as_key_and_tell_its_version() {
        let event = IngestaEliminada::from(&hechos(Estado::Eliminada, None));
        assert_eq!((event.key(), event.aggregate_version()), (ID.to_string(), Some(2)));
    }
}
