//! The translation of domain events to integration events.

use super::UnitOfWork;

/// Turns a domain event into integration events, or keeps it inside the context: the one place that decides.
pub trait Translate: Send + Sync + 'static {
    /// Publishes the integration events of this domain event. It is an exhaustive `match`, so a new event does not
    /// compile until it is decided.
    fn translate(&self, uow: &mut impl UnitOfWork);
}
