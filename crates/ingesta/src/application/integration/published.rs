//! The records of the topic `eventos-ingesta`: the Rust side of `schema/ingesta/v1`.
//!
//! They are separate from the domain's events, so that the domain can change while the published records stay.

use crate::domain::ingesta::{Datos, Estado, Hechos, IngestaEvent};
use chrono::serde::ts_microseconds;
use seedwork::{
    application::{IntegrationEvent, Refusal, Symbol, Translate, UnitOfWork},
    domain::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Decides what leaves the context. A new event does not compile until it has a place here.
impl Translate for IngestaEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Creada(hechos) => uow.publish(&IngestaCreada::from(hechos)),
            Self::EnProceso(hechos) => uow.publish(&IngestaEnProceso::from(hechos)),
            Self::Alertada(hechos) => uow.publish(&IngestaAlertada::from(hechos)),
            Self::Rechazada(hechos) => uow.publish(&IngestaRechazada::from(hechos)),
            Self::Finalizada(hechos) => uow.publish(&IngestaFinalizada::from(hechos)),
            Self::Fallida(hechos) => uow.publish(&IngestaFallida::from(hechos)),
            Self::Eliminada(hechos) => uow.publish(&IngestaEliminada::from(hechos)),
        }
    }
}

/// Declares the events of an ingesta. All have the same fields; `motivo` is in those that name it.
macro_rules! events {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal $(, $motivo:ident)?;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "eventos-ingesta", key = id_ingesta, version = version)]
        pub struct $record {
            pub id_ingesta: Uuid,
            pub id_proveedor: String,
            pub id_paciente: String,
            pub url_path: String,
            pub estado: Symbol<Estado>,
            $(pub $motivo: Option<String>,)?
            #[serde(with = "ts_microseconds")]
            pub fecha: Timestamp,
            pub version: i64,
        }

        impl From<&Hechos> for $record {
            fn from(Hechos { datos, fecha, version }: &Hechos) -> Self {
                let Facts { id_ingesta, id_proveedor, id_paciente, url_path, estado, motivo: _motivo } = facts(datos);
                let (fecha, version) = (*fecha, (*version).into());
                Self { id_ingesta, id_proveedor, id_paciente, url_path, estado, $($motivo: _motivo,)? fecha, version }
            }
        }
    )+};
}

/// The published facts that all events share.
struct Facts {
    id_ingesta: Uuid,
    id_proveedor: String,
    id_paciente: String,
    url_path: String,
    estado: Symbol<Estado>,
    motivo: Option<String>,
}

/// Returns the published facts. No `..`: a new field is published, or left out here on purpose.
///
/// A function, because the compiler does not name a missing field inside `macro_rules!`.
fn facts(datos: &Datos) -> Facts {
    let Datos {
        id,
        proveedor,
        paciente,
        url,
        estado,
        motivo,
        fecha_creacion: _,
        fecha_actualizacion: _,
        fecha_eliminacion: _,
    } = datos;
    Facts {
        id_ingesta: (*id).into(),
        id_proveedor: proveedor.to_string(),
        id_paciente: paciente.to_string(),
        url_path: url.to_string(),
        estado: (*estado).into(),
        motivo: motivo.as_ref().map(ToString::to_string),
    }
}

events! {
    /// An image was handed in.
    IngestaCreada = "sta.ingesta.v1.IngestaCreada";
    /// The work on an image began, or continued after an alert.
    IngestaEnProceso = "sta.ingesta.v1.IngestaEnProceso", motivo;
    /// An alert was raised.
    IngestaAlertada = "sta.ingesta.v1.IngestaAlertada", motivo;
    /// An image was refused.
    IngestaRechazada = "sta.ingesta.v1.IngestaRechazada", motivo;
    /// The work on an image ended successfully.
    IngestaFinalizada = "sta.ingesta.v1.IngestaFinalizada", motivo;
    /// The ingesta was taken back.
    IngestaFallida = "sta.ingesta.v1.IngestaFallida", motivo;
    /// The ingesta was deleted.
    IngestaEliminada = "sta.ingesta.v1.IngestaEliminada", motivo;
}

/// The answer to a command from the broker that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.ComandoRechazado", topic = "eventos-ingesta", key = id_ingesta)]
pub struct ComandoRechazado {
    pub id_ingesta: Uuid,
    pub id_comando: String,
    pub comando: String,
    pub regla: String,
    pub detalle: String,
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
}

impl From<Refusal> for ComandoRechazado {
    fn from(refusal: Refusal) -> Self {
        let Refusal { id, command_id, command, rule, detail, time } = refusal;
        Self {
            id_ingesta: id,
            id_comando: command_id,
            comando: command.to_owned(),
            regla: rule.to_owned(),
            detalle: detail,
            fecha: time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::examples::*;
    use serde_json::{json, to_value};

    #[test]
    fn a_new_ingesta_publishes_all_its_facts() {
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
    fn a_change_publishes_all_facts_and_the_motivo() {
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
    fn messages_of_one_ingesta_have_its_id_as_key_and_its_version() {
        let event = IngestaEliminada::from(&hechos(Estado::Eliminada, None));
        assert_eq!((event.key(), event.aggregate_version()), (ID.to_string(), Some(2)));
    }
}
