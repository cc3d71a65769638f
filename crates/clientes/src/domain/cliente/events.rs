//! What can happen to a cliente.

use super::{ClienteId, Email, Identidad, Motivo};
use seedwork::domain::{Timestamp, Version};

/// Something happened to a cliente.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClienteEvent {
    /// It was taken on.
    Registrado(Hechos),
    /// It left.
    Desactivado(Hechos),
}

/// The cliente right after something happened to it: all that a listener needs without asking back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hechos {
    /// Which cliente.
    pub id: ClienteId,
    /// Who it is by law.
    pub identidad: Identidad,
    /// Where it is written to.
    pub email: Email,
    /// Why it left, if it did.
    pub motivo: Option<Motivo>,
    /// When it happened.
    pub fecha: Timestamp,
    /// The version that this event brought.
    pub version: Version,
}
