//! The records of `eventos-reserva`: what `schema/vuelos/v1` says, in Rust.
//!
//! They are apart from the domain's events, so that the domain can change and what was promised to the world does not.

use crate::domain::reserva::{Estado, Hechos, TipoVuelo};
use chrono::serde::ts_microseconds;
use seedwork::{
    application::{IntegrationEvent, Symbol},
    domain::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares the records of what happens to a reserva: all have the same fields.
macro_rules! events {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "eventos-reserva", key = id_reserva, version = version)]
        pub struct $record {
            /// Which reserva.
            pub id_reserva: Uuid,
            /// Whose it is, if anybody's.
            pub id_cliente: Option<Uuid>,
            /// What became of it.
            pub estado: Symbol<Estado>,
            /// What the ruta makes of it.
            pub tipo_vuelo: Symbol<TipoVuelo>,
            /// Where the first odo begins and ends.
            pub ruta: String,
            /// When the first leg takes off.
            #[serde(with = "ts_microseconds")]
            pub fecha_salida: Timestamp,
            /// The last reason that somebody gave, now or earlier.
            pub motivo: Option<String>,
            /// When this happened.
            #[serde(with = "ts_microseconds")]
            pub fecha: Timestamp,
            /// The version of the reserva that this brought: 1, then one more each time.
            pub version: i64,
        }

        impl From<&Hechos> for $record {
            fn from(hechos: &Hechos) -> Self {
                Self {
                    id_reserva: hechos.id.into(),
                    id_cliente: hechos.cliente.map(Into::into),
                    estado: hechos.estado.into(),
                    tipo_vuelo: hechos.tipo_vuelo.into(),
                    ruta: hechos.ruta.to_string(),
                    fecha_salida: hechos.fecha_salida,
                    motivo: hechos.motivo.as_ref().map(ToString::to_string),
                    fecha: hechos.fecha,
                    version: hechos.version.into(),
                }
            }
        }
    )+};
}

events! {
    /// Flights were asked for.
    ReservaCreada = "sta.vuelos.v1.ReservaCreada";
    /// A reserva was accepted.
    ReservaAprobada = "sta.vuelos.v1.ReservaAprobada";
    /// A reserva was paid.
    ReservaPagada = "sta.vuelos.v1.ReservaPagada";
    /// A reserva was given up.
    ReservaCancelada = "sta.vuelos.v1.ReservaCancelada";
}

/// A command from the broker was refused: the answer to it, since nobody waits for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.vuelos.v1.ComandoRechazado", topic = "eventos-reserva", key = id_reserva)]
pub struct ComandoRechazado {
    /// Which reserva the command was for.
    pub id_reserva: Uuid,
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
    use crate::domain::reserva::examples::*;
    use serde_json::{json, to_value};

    #[test]
    fn an_event_tells_all_facts() {
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
    fn messages_of_one_reserva_share_its_id_as_key_and_tell_its_version() {
        let event = ReservaPagada::from(&hechos(Estado::Pagada, None));
        assert_eq!((event.key(), event.aggregate_version()), (ID.to_string(), Some(2)));
    }
}
