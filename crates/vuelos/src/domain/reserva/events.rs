//! The events of a reserva.

use super::Datos;
use seedwork::domain::{Timestamp, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservaEvent {
    /// It was asked for.
    Creada(Hechos),
    /// It was accepted.
    Aprobada(Hechos),
    /// It was paid.
    Pagada(Hechos),
    /// It was cancelled.
    Cancelada(Hechos),
}

/// The facts of an event: the reserva as the event left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hechos {
    pub datos: Datos,
    /// When it happened.
    pub fecha: Timestamp,
    /// The version that the event brought.
    pub version: Version,
}
