//! The domain events of this context, of both aggregates.

use super::{cliente::ClienteEvent, expediente::ExpedienteEvent};

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an event lives no longer than its unit of work: a box saves nothing")]
pub enum ClientesEvent {
    Cliente(ClienteEvent),
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
