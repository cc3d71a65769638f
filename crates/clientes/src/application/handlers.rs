//! The context as the engine sees it.

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

/// The handlers of this context's commands, each in its own file in [`commands`](super::commands), and of events, in
/// `reactions`.
#[derive(Clone)]
pub struct Handlers {
    pub(super) clock: Arc<dyn Clock>,
}

impl Handlers {
    /// Handlers that take the time from `clock`.
    pub fn new(clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock) }
    }
}

impl Context for Handlers {
    const NAME: &'static str = "clientes";
    type Event = ClientesEvent;
    type Fault = ClientesFault;
}

/// The reactions inside a transaction.
impl<U: ClientesUow> DomainEventHandler<U> for Handlers {
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
