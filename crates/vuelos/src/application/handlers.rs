//! What the context's use cases work with.

use super::VuelosFault;
use crate::domain::reserva::ReservaEvent;
use seedwork::{
    application::{Context, DomainEventHandler},
    domain::Clock,
};
use std::sync::Arc;

/// Handles the commands of this context, each in its own file in [`commands`](super::commands), and reacts to what others
/// say, in `reactions`.
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
    const NAME: &'static str = "vuelos";
    type Event = ReservaEvent;
    type Fault = VuelosFault;
}

/// Nothing in this context follows from an event inside its transaction.
impl<U: Send> DomainEventHandler<ReservaEvent, U> for Handlers {}
