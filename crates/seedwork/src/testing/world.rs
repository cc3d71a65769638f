//! A context over memory, for tests of its use cases.

use super::fake::{FakeUnitOfWork, FakeUnitOfWorkFactory};
use crate::{
    application::{
        Cause, Command, CommandBus, CommandHandler, Context, DomainEventHandler, EventHandler, IntegrationEvent,
        ReadModel,
    },
    domain::Aggregate,
};

/// The unit of work that a context's handlers get here.
type Uow<H> = FakeUnitOfWork<<H as Context>::Event>;

/// A context whose units of work are committed to memory, with the same bus as in production.
///
/// ```ignore
/// let world = World::new(Handlers::new(FixedClock(AHORA))).with(creada(ID));
/// world.dispatch(AlertarIngesta { id: ID, motivo: motivo() }).await.unwrap();
/// assert_eq!(world.get::<Ingesta>(ID).unwrap().estado(), Estado::Alertada);
/// assert_eq!(world.published::<IngestaAlertada>().len(), 1);
/// ```
pub struct World<H: Context> {
    bus: CommandBus<H, FakeUnitOfWorkFactory<H::Event>>,
}

impl<H> World<H>
where
    H: Context + DomainEventHandler<Uow<H>>,
{
    /// A world in which nothing has happened.
    pub fn new(handlers: H) -> Self {
        Self { bus: CommandBus::new(handlers, FakeUnitOfWorkFactory::new()) }
    }

    /// Given: an aggregate that is already there. Its recorded events are history, and published no more.
    #[must_use]
    pub fn with<A: Aggregate>(self, aggregate: A) -> Self {
        // `put` bypasses `save`: an aggregate without events keeps its version.
        let mut told = aggregate.clone();
        let is_told = !told.take_events().is_empty();
        self.bus.factory().store().put(if is_told { told } else { aggregate });
        self
    }

    /// When: a command is given.
    ///
    /// # Errors
    ///
    /// What the command's handler or the commit answers.
    pub async fn dispatch<C>(&self, command: C) -> Result<C::Output, C::Error>
    where
        C: Command<Error: From<H::Fault>>,
        H: CommandHandler<C, Uow<H>>,
    {
        self.bus.dispatch(command, &Cause::correlated("test".into())).await
    }

    /// When: an event of another context arrives.
    ///
    /// # Errors
    ///
    /// What the event's handler or the commit answers.
    pub async fn handle_event<E>(&self, event: E) -> Result<(), H::Fault>
    where
        E: IntegrationEvent,
        H: EventHandler<E, Uow<H>>,
    {
        self.bus.handle_event(event, &Cause::correlated("test".into())).await
    }

    /// Then: the aggregate as it is committed.
    pub fn get<A: Aggregate>(&self, id: A::Id) -> Option<A> {
        self.bus.factory().store().get(id)
    }

    /// Then: the rows of a read model, the oldest first.
    pub fn read_model<M: ReadModel>(&self) -> Vec<M> {
        self.bus.factory().read_model()
    }

    /// Then: the messages of one type that were published, in order.
    pub fn published<E: IntegrationEvent>(&self) -> Vec<E> {
        self.bus.factory().store().published()
    }

    /// Then: how many messages of any type were published.
    pub fn published_count(&self) -> usize {
        self.bus.factory().store().published_count()
    }
}
