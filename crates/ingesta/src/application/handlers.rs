//! What the context's use cases work with.

use super::IngestaFault;
use crate::domain::ingesta::IngestaEvent;
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
    const NAME: &'static str = "ingesta";
    type Event = IngestaEvent;
    type Fault = IngestaFault;
}

/// Nothing in this context follows from an event inside its transaction.
impl<U: Send> DomainEventHandler<IngestaEvent, U> for Handlers {}
