//! The events of a cliente.

use super::Datos;
use seedwork::domain::{Timestamp, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClienteEvent {
    /// It was registered.
    Registrado(Hechos),
    /// It was deactivated.
    Desactivado(Hechos),
}

/// The facts of an event: the cliente as the event left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hechos {
    pub datos: Datos,
    /// When it happened.
    pub fecha: Timestamp,
    /// The version that the event brought.
    pub version: Version,
}
