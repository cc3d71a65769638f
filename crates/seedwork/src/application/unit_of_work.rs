//! The unit of work: the changes of one business transaction, as a value.

use super::{Cause, IntegrationEvent, StorageError};
use crate::domain::{Aggregate, Specification};
use std::hash::Hash;

/// The most aggregates that [`Find`] gives to one unit of work: a reaction to more runs in batches.
pub const REACTION_BATCH: usize = 100;

/// The changes of one business transaction.
///
/// It is a value: nothing reaches the database before its commit, and dropping it is the rollback. It is also an
/// identity map: loading an aggregate again returns the one that the unit holds.
///
/// The ports of a context (`trait Ingestas { … }`) add named reads to it.
pub trait UnitOfWork: Send {
    /// Publishes a message if the unit is committed.
    fn publish<E: IntegrationEvent>(&mut self, event: &E);
}

/// A unit of work that can load aggregates of type `A`.
///
/// A port of the context names the read: `fn ingesta(&mut self, id: IngestaId) -> … { self.load(id) }`.
pub trait Load<A: Aggregate>: Send {
    /// Returns the aggregate as this unit sees it: saved in this unit, or else committed.
    ///
    /// Until the unit ends, other commands of this process on the same aggregate wait.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] if the database does not answer. [`StorageError::ConcurrencyConflict`] if waiting
    /// for the aggregate could cause a deadlock: the bus restarts the use case.
    fn load(&mut self, id: A::Id) -> impl Future<Output = Result<Option<A>, StorageError>> + Send;
}

/// A unit of work that can find the aggregates that satisfy a specification.
///
/// A port of the context names the read: `fn reservas_pendientes(&mut self, cliente: ClienteId) -> … {
/// self.find(PendientesDe(cliente)) }`.
pub trait Find<S: Specification>: Send {
    /// Returns the aggregates that satisfy the specification as this unit sees them, ordered by id, at most
    /// [`REACTION_BATCH`]. Until the unit ends, other commands of this process on them wait. An aggregate that stops
    /// satisfying it before its lane is free is left out.
    ///
    /// If there are more, an event handler runs again in a further unit, until none is left. So it must change what it
    /// finds: afterwards the specification is not satisfied any more. A command has one unit only, and fails.
    ///
    /// # Errors
    ///
    /// Those of [`Load::load`].
    fn find(&mut self, which: S) -> impl Future<Output = Result<Vec<S::Of>, StorageError>> + Send;
}

/// A unit of work that can save aggregates of type `A`.
pub trait Save<A: Aggregate>: Send {
    /// Saves the aggregate and takes its events. A later save of it in the same unit replaces this one.
    fn save(&mut self, aggregate: A);
}

/// A row of a read model (a projection): the state of something that another context owns, as last published.
pub trait ReadModel: Clone + Send + Sync + 'static {
    /// The key of a row.
    type Key: Eq + Hash + Send;

    /// Returns the key of this row.
    fn key(&self) -> Self::Key;

    /// Returns the version of the state that the row holds. An older row never replaces a newer one.
    fn order(&self) -> i64;
}

/// A unit of work that can write the read model `M`.
pub trait Project<M: ReadModel>: Send {
    /// Writes the row when the unit is committed, unless the read model has one of the same version or newer.
    fn project(&mut self, row: M);
}

/// The events recorded by the aggregates saved in a unit of work, and whether its reaction has more to do.
///
/// This is the side of the engine. The ports of a context do not require it, so no handler can take events away.
pub trait RecordedEvents<E>: UnitOfWork {
    /// Takes the events recorded since the last call, in order.
    fn drain(&mut self) -> Vec<E>;

    /// Returns true if [`Find`] found more than one batch. Then the consumed message is claimed with the last unit. The
    /// others only make sure that it is not claimed already.
    fn has_more(&self) -> bool;
}

/// The proof that a unit of work is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed;

/// Begins and commits units of work. Only the bus and the consumer hold one.
pub trait UnitOfWorkFactory: Send + Sync + 'static {
    /// The unit of work that it begins.
    type Uow: UnitOfWork;

    /// Begins an empty unit. No connection is taken.
    fn begin(&self, cause: &Cause) -> Self::Uow;

    /// Restarts a unit whose [`Load`] was refused because waiting could have caused a deadlock. The new unit is empty
    /// and holds the lanes of the old one, and the lane that was refused.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] if the time of the unit is over.
    fn restart(&self, uow: Self::Uow) -> impl Future<Output = Result<Self::Uow, StorageError>> + Send;

    /// Runs a handler within its time limit. A handler that exceeds it is dropped.
    ///
    /// # Errors
    ///
    /// [`StorageError::TimedOut`] if it takes longer.
    fn limit<F>(&self, cause: &Cause, work: F) -> impl Future<Output = Result<F::Output, StorageError>> + Send
    where
        F: Future<Output: Send> + Send;

    /// Commits a unit. Dropping the future does not undo the commit.
    ///
    /// # Errors
    ///
    /// See [`StorageError`]. Only after [`StorageError::Unknown`] may the unit have been committed.
    fn commit(&self, uow: Self::Uow) -> impl Future<Output = Result<Committed, StorageError>> + Send;
}
