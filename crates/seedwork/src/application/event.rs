//! Reactions to domain events of the same context and to integration events of others.

use super::{Context, IntegrationEvent};

/// Reacts to a domain event of the same context, inside the same unit of work.
///
/// The default does nothing.
pub trait DomainEventHandler<U: Send>: Context {
    /// Continues the unit of work in which `event` was recorded.
    fn handle(&self, event: &Self::Event, uow: &mut U) -> impl Future<Output = Result<(), Self::Fault>> + Send {
        let _ = (event, uow);
        async { Ok(()) }
    }
}

/// Reacts to an event of another context, in a unit of work of its own. A reaction that [finds](super::Find) more
/// aggregates than one batch runs again for the rest, each time in a further unit.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the event `{E}`",
    label = "no handler for `{E}`",
    note = "write `impl<U: …Uow> EventHandler<{E}, U> for {Self}` in `application/reactions/`"
)]
pub trait EventHandler<E: IntegrationEvent, U>: Context {
    /// Handles the event inside `uow`.
    fn handle(&self, event: E, uow: &mut U) -> impl Future<Output = Result<(), Self::Fault>> + Send;
}
