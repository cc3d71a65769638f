//! The records of the topic `eventos-reserva` that this context consumes, with the fields that it needs of each.
//!
//! An estado is shown as the other context wrote it, so a new one needs no change here.

use chrono::serde::ts_microseconds;
use seedwork::{application::IntegrationEvent, domain::Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares the events of a reserva. All have the same fields.
macro_rules! reservas {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "eventos-reserva", key = id_reserva, version = version)]
        pub struct $record {
            pub id_reserva: Uuid,
            pub id_cliente: Option<Uuid>,
            pub estado: String,
            pub ruta: String,
            #[serde(with = "ts_microseconds")]
            pub fecha_salida: Timestamp,
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
    /// It was cancelled.
    ReservaCancelada = "sta.vuelos.v1.ReservaCancelada";
}
