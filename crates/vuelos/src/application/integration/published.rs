//! The records of the topic `eventos-reserva`: the Rust side of `schema/vuelos/v1`.
//!
//! They are separate from the domain's events, so that the domain can change while the published records stay.

use crate::domain::reserva::{Datos, Estado, Hechos, Itinerarios, ReservaEvent, TipoVuelo};
use chrono::serde::ts_microseconds;
use seedwork::{
    application::{IntegrationEvent, Refusal, Symbol, Translate, UnitOfWork},
    domain::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Decides what leaves the context. A new event does not compile until it has a place here.
impl Translate for ReservaEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Creada(hechos) => uow.publish(&ReservaCreada::from(hechos)),
            Self::Aprobada(hechos) => uow.publish(&ReservaAprobada::from(hechos)),
            Self::Pagada(hechos) => uow.publish(&ReservaPagada::from(hechos)),
            Self::Cancelada(hechos) => uow.publish(&ReservaCancelada::from(hechos)),
        }
    }
}

/// Declares the events of a reserva. All have the same fields.
macro_rules! events {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "eventos-reserva", key = id_reserva, version = version)]
        pub struct $record {
            pub id_reserva: Uuid,
            pub id_cliente: Option<Uuid>,
            pub estado: Symbol<Estado>,
            pub tipo_vuelo: Symbol<TipoVuelo>,
            pub ruta: String,
            #[serde(with = "ts_microseconds")]
            pub fecha_salida: Timestamp,
            pub motivo: Option<String>,
            #[serde(with = "ts_microseconds")]
            pub fecha: Timestamp,
            pub version: i64,
        }

        impl From<&Hechos> for $record {
            fn from(Hechos { datos, fecha, version }: &Hechos) -> Self {
                let (id_reserva, id_cliente, estado, itinerarios, motivo) = facts(datos);
                Self {
                    id_reserva,
                    id_cliente,
                    estado,
                    tipo_vuelo: itinerarios.tipo_vuelo().into(),
                    ruta: itinerarios.ruta().to_string(),
                    fecha_salida: itinerarios.fecha_salida(),
                    motivo,
                    fecha: *fecha,
                    version: (*version).into(),
                }
            }
        }
    )+};
}

/// The published facts. No `..`: a new field is published, or left out here on purpose.
///
/// A function, because the compiler does not name a missing field inside `macro_rules!`.
fn facts(datos: &Datos) -> (Uuid, Option<Uuid>, Symbol<Estado>, &Itinerarios, Option<String>) {
    let Datos { id, cliente, itinerarios, estado, motivo, pasajeros: _, fecha_creacion: _, fecha_actualizacion: _ } =
        datos;
    let motivo = motivo.as_ref().map(ToString::to_string);
    ((*id).into(), cliente.map(Into::into), (*estado).into(), itinerarios, motivo)
}

events! {
    /// Flights were asked for.
    ReservaCreada = "sta.vuelos.v1.ReservaCreada";
    /// A reserva was accepted.
    ReservaAprobada = "sta.vuelos.v1.ReservaAprobada";
    /// A reserva was paid.
    ReservaPagada = "sta.vuelos.v1.ReservaPagada";
    /// A reserva was cancelled.
    ReservaCancelada = "sta.vuelos.v1.ReservaCancelada";
}

/// The answer to a command from the broker that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.vuelos.v1.ComandoRechazado", topic = "eventos-reserva", key = id_reserva)]
pub struct ComandoRechazado {
    pub id_reserva: Uuid,
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
            id_reserva: id,
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
    use crate::domain::reserva::examples::*;
    use serde_json::{json, to_value};

    #[test]
    fn an_event_publishes_all_facts() {
        let event = ReservaCancelada::from(&hechos(Estado::Cancelada, Some(motivo())));
        let expected = json!({
            "id_reserva": "0198c0de-0000-7000-8000-000000000001",
            "id_cliente": "0198c0de-0000-7000-8000-0000000000c1",
            "estado": "Cancelada",
            "tipo_vuelo": "solo_ida",
            "ruta": "BOG-JFK",
            "fecha_salida": 1_669_122_600_000_000_i64,
            "motivo": "ya no viaja",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 2,
        });
        assert_eq!(to_value(event).unwrap(), expected);
    }

    #[test]
    fn messages_of_one_reserva_have_its_id_as_key_and_its_version() {
        let event = ReservaPagada::from(&hechos(Estado::Pagada, None));
        assert_eq!((event.key(), event.aggregate_version()), (ID.to_string(), Some(2)));
    }
}
