//! Events: what happened, inside a context and between contexts.

use super::{Context, UnitOfWork};
use serde::{Serialize, de::DeserializeOwned};

/// A fact, or a command, that travels between contexts: one record of the published language in `schema/`.
///
/// Derive it: `#[derive(IntegrationEvent)]` with
/// `#[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id_ingesta, version = version)]`.
pub trait IntegrationEvent: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The record's full name in the schema.
    const TYPE: &'static str;
    /// The topic it is published on.
    const TOPIC: &'static str;
    /// What orders it: messages of one key are delivered in the order they were committed.
    fn key(&self) -> String;
    /// The version that the aggregate reached with it, by which a consumer tells what is newer; a command has none.
    fn aggregate_version(&self) -> Option<i64> {
        None
    }
}

/// Decides what leaves the context: the one place where a domain event becomes integration events, or stays inside.
pub trait Translate: Send + Sync + 'static {
    /// Publishes what the world hears of this event. An exhaustive `match`, so a new event is given its place here.
    fn translate(&self, uow: &mut impl UnitOfWork);
}

/// Reacts to what happened in the same context, inside the same unit of work.
///
/// The default reacts to nothing.
pub trait DomainEventHandler<E: Sync, U: Send>: Context {
    /// Continues the transaction in which `event` was recorded.
    fn handle(&self, event: &E, uow: &mut U) -> impl Future<Output = Result<(), Self::Fault>> + Send {
        let _ = (event, uow);
        async { Ok(()) }
    }
}

/// Reacts to an event of another context, in a unit of work of its own. A reaction that [finds](super::Find) more aggregates
/// than one batch runs again for the rest, each time in a further unit.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the event `{E}`",
    label = "no handler for `{E}`",
    note = "write `impl<U: …Uow> EventHandler<{E}, U> for {Self}` in `application/reactions/`"
)]
pub trait EventHandler<E: IntegrationEvent, U>: Context {
    /// Does what the event calls for, inside `uow`.
    fn handle(&self, event: E, uow: &mut U) -> impl Future<Output = Result<(), Self::Fault>> + Send;
}
