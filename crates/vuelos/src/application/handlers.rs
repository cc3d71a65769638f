//! The context as the engine sees it.

use super::{VuelosFault, integration::published::ComandoRechazado};
use crate::domain::reserva::ReservaEvent;
use seedwork::{
    application::{Context, DomainEventHandler, Refuse},
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
    const NAME: &'static str = "vuelos";
    type Event = ReservaEvent;
    type Fault = VuelosFault;
}

/// This context has no reactions inside a transaction.
impl<U: Send> DomainEventHandler<U> for Handlers {}

impl Refuse for Handlers {
    type RefusalEvent = ComandoRechazado;
}
