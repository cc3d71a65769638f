//! Everything that can happen in this context, whatever the aggregate.

use super::{cliente::ClienteEvent, expediente::ExpedienteEvent};

/// Something happened to a cliente or to an expediente.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientesEvent {
    /// To a cliente.
    Cliente(ClienteEvent),
    /// To an expediente.
    Expediente(ExpedienteEvent),
}

impl From<ClienteEvent> for ClientesEvent {
    fn from(event: ClienteEvent) -> Self {
        Self::Cliente(event)
    }
}

impl From<ExpedienteEvent> for ClientesEvent {
    fn from(event: ExpedienteEvent) -> Self {
        Self::Expediente(event)
    }
}
