//! What the context's use cases work with.

use super::{
    ClientesFault, ClientesUow,
    reactions::{on_cliente_desactivado, on_cliente_registrado},
};
use crate::domain::{ClientesEvent, cliente::ClienteEvent};
use seedwork::{
    application::{Context, DomainEventHandler},
    domain::Clock,
};
use std::sync::Arc;

/// Handles the commands of this context; each does so in its own file, in [`commands`](super::commands).
#[derive(Clone)]
pub struct Handlers {
    pub(super) clock: Arc<dyn Clock>,
}

impl Handlers {
    /// Handlers for whom it is as late as `clock` says.
    pub fn new(clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock) }
    }
}

impl Context for Handlers {
    const NAME: &'static str = "clientes";
    type Event = ClientesEvent;
    type Fault = ClientesFault;
}

/// What follows from an event inside its transaction; each reaction is in its own file, in `reactions`.
impl<U: ClientesUow> DomainEventHandler<ClientesEvent, U> for Handlers {
    async fn handle(&self, event: &ClientesEvent, uow: &mut U) -> Result<(), ClientesFault> {
        match event {
            ClientesEvent::Cliente(ClienteEvent::Registrado(hechos)) => on_cliente_registrado::abrir(hechos, uow),
            ClientesEvent::Cliente(ClienteEvent::Desactivado(hechos)) => {
                on_cliente_desactivado::cerrar(hechos, uow).await?;
            }
            ClientesEvent::Expediente(_) => {}
        }
        Ok(())
    }
}
