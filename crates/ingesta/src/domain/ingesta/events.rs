//! The events of an ingesta.

use super::Datos;
use seedwork::domain::{Timestamp, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IngestaEvent {
    /// It was handed in.
    Creada(Hechos),
    /// The work on it began, or continued.
    EnProceso(Hechos),
    /// An alert was raised.
    Alertada(Hechos),
    /// It was refused.
    Rechazada(Hechos),
    /// The work on it ended successfully.
    Finalizada(Hechos),
    /// It was taken back.
    Fallida(Hechos),
    /// It was deleted.
    Eliminada(Hechos),
}

/// The facts of an event: the ingesta as the event left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hechos {
    pub datos: Datos,
    /// When it happened.
    pub fecha: Timestamp,
    /// The version that the event brought.
    pub version: Version,
}
