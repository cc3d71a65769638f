//! The records of `eventos-reserva` that this context hears, with the fields that it needs of each.
//!
//! An estado is another context's word: it is shown as it is, so a new one needs no change here.

use chrono::serde::ts_microseconds;
use seedwork::{application::IntegrationEvent, domain::Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares the records of what happens to a reserva: all have the same fields.
macro_rules! reservas {
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
            pub estado: String,
            /// Where the first odo begins and ends: `BOG-JFK`.
            pub ruta: String,
            /// When the first leg takes off.
            #[serde(with = "ts_microseconds")]
            pub fecha_salida: Timestamp,
            /// The version of the reserva that this brought.
            pub version: i64,
        }
    )+};
}

reservas! {
    /// A reserva was asked for.
    ReservaCreada = "sta.vuelos.v1.ReservaCreada";
    /// It was accepted.
    ReservaAprobada = "sta.vuelos.v1.ReservaAprobada";
    /// It was paid.
    ReservaPagada = "sta.vuelos.v1.ReservaPagada";
    /// It was given up.
    ReservaCancelada = "sta.vuelos.v1.ReservaCancelada";
}
