//! A context over memory, for tests of its use cases: given, when, then.

use super::fake::{FakeUnitOfWork, FakeUnitOfWorkFactory, Snapshot};
use crate::{
    application::{
        Cause, Command, CommandBus, CommandHandler, Context, DomainEventHandler, EventHandler, IntegrationEvent,
        ReadModel,
    },
    domain::Aggregate,
};
use similar_asserts::assert_eq;
use std::fmt::Debug;

/// The unit of work that a context's handlers get here.
type Uow<H> = FakeUnitOfWork<<H as Context>::Event>;

/// A context whose units of work are committed to memory, by the bus of production.
///
/// ```ignore
/// World::new(Handlers::new(FixedClock(AHORA)))
///     .given(creada(ID))
///     .when(AlertarIngesta { id: ID, motivo: motivo() })
///     .await
///     .then_state(|ingesta: &Ingesta| ingesta.estado() == Estado::Alertada)
///     .then_published([IngestaAlertada::from(&hechos(Estado::Alertada))]);
/// ```
pub struct World<H: Context> {
    bus: CommandBus<H, FakeUnitOfWorkFactory<H::Event>>,
    factory: FakeUnitOfWorkFactory<H::Event>,
}

impl<H> World<H>
where
    H: Context + DomainEventHandler<Uow<H>>,
{
    /// A world in which nothing has happened.
    pub fn new(handlers: H) -> Self {
        let factory = FakeUnitOfWorkFactory::new();
        Self { bus: CommandBus::new(handlers, factory.clone()), factory }
    }

    /// Adds an aggregate that is already stored. Its recorded events are history and not published.
    #[must_use]
    pub fn given<A: Aggregate>(self, aggregate: A) -> Self {
        // `put` bypasses `save`: an aggregate without events keeps its version.
        let mut stored = aggregate.clone();
        let has_events = !stored.take_events().is_empty();
        self.factory.store().put(if has_events { stored } else { aggregate });
        self
    }

    /// Dispatches a command.
    #[must_use = "a step proves nothing until its outcome is asserted"]
    pub async fn when<C>(self, command: C) -> Then<H, C::Output, C::Error>
    where
        C: Command<Error: From<H::Fault>>,
        H: CommandHandler<C, Uow<H>>,
    {
        let before = self.factory.store().snapshot();
        let outcome = self.bus.dispatch(command, &Cause::correlated("test".into())).await;
        Then { world: self, before, outcome }
    }

    /// Handles an event of another context.
    #[must_use = "a step proves nothing until its outcome is asserted"]
    pub async fn when_event<E>(self, event: E) -> Then<H, (), H::Fault>
    where
        E: IntegrationEvent,
        H: EventHandler<E, Uow<H>>,
    {
        let before = self.factory.store().snapshot();
        let outcome = self.bus.handle_event(event, &Cause::correlated("test".into())).await;
        Then { world: self, before, outcome }
    }
}

/// The outcome of one step: a command or an event.
pub struct Then<H: Context, T, E> {
    world: World<H>,
    before: Snapshot,
    outcome: Result<T, E>,
}

impl<H: Context, T, E: Debug> Then<H, T, E> {
    /// Asserts that the step was refused with this error, published nothing and changed nothing.
    ///
    /// # Panics
    ///
    /// It had another outcome.
    #[track_caller]
    pub fn then_refused(self, error: impl Into<E>) -> World<H>
    where
        E: PartialEq,
    {
        match &self.outcome {
            Ok(_) => panic!("the step succeeded; expected the refusal {:?}", error.into()),
            Err(refusal) => assert_eq!(expected: error.into(), actual: *refusal),
        }
        let store = self.world.factory.store();
        assert_eq!(expected: Vec::<&str>::new(), actual: store.published_types(&self.before), "a refused step published");
        assert!(store.snapshot() == self.before, "a refused step changed an aggregate");
        drop(store);
        self.world
    }

    /// Asserts the answer of a command.
    ///
    /// # Panics
    ///
    /// The step was refused or has another answer.
    #[track_caller]
    pub fn then_returned(self, answer: T) -> Self
    where
        T: PartialEq + Debug,
    {
        assert_eq!(expected: answer, actual: *self.answer());
        self
    }

    /// Asserts a property of the only aggregate of its type.
    ///
    /// # Panics
    ///
    /// The step was refused, the property does not hold, or there is no such aggregate, or more than one.
    #[track_caller]
    pub fn then_state<A: Aggregate + Debug>(self, holds: impl FnOnce(&A) -> bool) -> Self {
        self.answer();
        let stored = self.world.factory.store().all::<A>();
        let [aggregate] = &*stored else {
            panic!("{} aggregates of this type are stored; `then_state` is about the only one", stored.len());
        };
        assert!(holds(aggregate), "the property does not hold for the stored state:\n{aggregate:#?}");
        self
    }

    /// Asserts all messages that the step published, in order.
    ///
    /// # Panics
    ///
    /// The step was refused or published other messages.
    #[track_caller]
    pub fn then_published<M: IntegrationEvent + PartialEq + Debug>(self, messages: impl Into<Vec<M>>) -> Self {
        let messages = messages.into();
        assert_eq!(expected: messages, actual: self.published::<M>());
        let types = self.world.factory.store().published_types(&self.before);
        assert_eq!(expected: vec![M::TYPE; messages.len()], actual: types, "messages of other types were published");
        self
    }

    /// Asserts that the step published nothing.
    ///
    /// # Panics
    ///
    /// The step was refused or published a message.
    #[track_caller]
    pub fn then_published_nothing(self) -> Self {
        self.answer();
        let types = self.world.factory.store().published_types(&self.before);
        assert_eq!(expected: Vec::<&str>::new(), actual: types);
        self
    }

    /// Asserts all rows of a read model, the oldest first.
    ///
    /// # Panics
    ///
    /// The step was refused or the read model has other rows.
    #[track_caller]
    pub fn then_read_model<M: ReadModel + PartialEq + Debug>(self, rows: impl Into<Vec<M>>) -> Self {
        self.answer();
        assert_eq!(expected: rows.into(), actual: self.world.factory.read_model::<M>());
        self
    }

    /// Continues with another step.
    ///
    /// # Panics
    ///
    /// The step was refused.
    #[track_caller]
    pub fn and(self) -> World<H> {
        self.answer();
        self.world
    }

    /// The stored aggregate, if there is one.
    pub fn stored<A: Aggregate>(&self, id: A::Id) -> Option<A> {
        self.world.factory.store().get(id)
    }

    /// The messages of one type that the step published, in order.
    ///
    /// # Panics
    ///
    /// The step was refused.
    #[track_caller]
    pub fn published<M: IntegrationEvent>(&self) -> Vec<M> {
        self.answer();
        self.world.factory.store().published(&self.before)
    }

    /// The outcome of the step, for an assertion of another kind.
    pub fn outcome(&self) -> &Result<T, E> {
        &self.outcome
    }

    /// The answer of the command.
    ///
    /// # Panics
    ///
    /// The step was refused.
    #[track_caller]
    pub fn answer(&self) -> &T {
        match &self.outcome {
            Ok(answer) => answer,
            Err(error) => panic!("the step was refused: {error:?}"),
        }
    }
}
