//! Domain events inside a context and integration events between contexts.

use super::{Context, UnitOfWork};
use serde::{Serialize, de::DeserializeOwned};

/// A message between contexts, an event or a command: one record of the published language in `schema/`.
///
/// Derive it: `#[derive(IntegrationEvent)]` with
/// `#[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id_ingesta, version = version)]`.
pub trait IntegrationEvent: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The full name of the record in the schema.
    const TYPE: &'static str;
    /// The topic that it is published on.
    const TOPIC: &'static str;
    /// Returns the key. Messages of one key are delivered in the order of their commits.
    fn key(&self) -> String;
    /// Returns the version of the aggregate after the event, by which a consumer orders events. A command has none.
    fn aggregate_version(&self) -> Option<i64> {
        None
    }
}

/// Turns a domain event into integration events, or keeps it inside the context: the one place that decides.
pub trait Translate: Send + Sync + 'static {
    /// Publishes the integration events of this domain event. It is an exhaustive `match`, so a new event does not
    /// compile until it is decided.
    fn translate(&self, uow: &mut impl UnitOfWork);
}

/// Reacts to a domain event of the same context, inside the same unit of work.
///
/// The default does nothing.
pub trait DomainEventHandler<E: Sync, U: Send>: Context {
    /// Continues the unit of work in which `event` was recorded.
    fn handle(&self, event: &E, uow: &mut U) -> impl Future<Output = Result<(), Self::Fault>> + Send {
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
