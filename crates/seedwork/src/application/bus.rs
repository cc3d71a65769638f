//! The buses. A use case runs in a unit of work: begin, handler, reactions, commit.

use super::{
    Cause, Command, CommandHandler, Committed, Context, DomainEventHandler, EventHandler, Fault, FaultKind,
    IntegrationEvent, Query, QueryHandler, REACTION_BATCH, RecordedEvents, Refusal, Refuse, StorageError, Translate,
    UnitOfWork, UnitOfWorkFactory,
};
use std::pin::pin;

/// The most runs of a use case that loses a race to another change.
const TRIES: usize = 4;

/// The most rounds of reactions that record events with reactions of their own. More are taken for an endless loop.
const DEPTH: usize = 16;

/// The most batches of one reaction. A reaction with more is taken for one that never changes what it finds.
const BATCHES: usize = 10_000;

/// Runs commands and consumed events through the handlers of a context, each in its own unit of work.
pub struct CommandBus<H, S> {
    handlers: H,
    factory: S,
}

impl<H, S> CommandBus<H, S>
where
    H: DomainEventHandler<S::Uow>,
    S: UnitOfWorkFactory<Uow: RecordedEvents<H::Event>>,
{
    /// A bus over the handlers of a context and its units of work.
    pub fn new(handlers: H, factory: S) -> Self {
        Self { handlers, factory }
    }

    /// The factory of its units of work.
    pub fn factory(&self) -> &S {
        &self.factory
    }

    /// Handles a command and commits its changes.
    ///
    /// A command that loses a race to another process runs again from the start, a bounded number of times.
    ///
    /// # Errors
    ///
    /// The refusal of the handler, or the [`StorageError`] of the unit of work.
    pub async fn dispatch<C>(&self, command: C, cause: &Cause) -> Result<C::Output, C::Error>
    where
        C: Command<Error: From<H::Fault>>,
        H: CommandHandler<C, S::Uow>,
    {
        self.run(&RunCommand(command), cause).await.map(|(output, _)| output)
    }

    /// Handles an event of another context and commits the changes. A reaction to more aggregates than one unit of work
    /// takes runs in batches, one unit each. Batches committed before a failure stay committed; when the event is
    /// handled again, it continues with the rest.
    ///
    /// # Errors
    ///
    /// The refusal of the handler, or the [`StorageError`] of the unit of work.
    pub async fn handle_event<E>(&self, event: E, cause: &Cause) -> Result<(), H::Fault>
    where
        E: IntegrationEvent,
        H: EventHandler<E, S::Uow>,
    {
        let work = RunEventHandler(event);
        for _ in 0..BATCHES {
            let ((), has_more) = self.run(&work, cause).await?;
            if !has_more {
                return Ok(());
            }
        }
        Err(StorageError::Defect(format!(
            "a reaction does not change the aggregates that it finds (more than {BATCHES} batches)"
        ))
        .into())
    }

    /// Publishes the refusal of a command from the broker.
    ///
    /// # Errors
    ///
    /// The [`StorageError`] of the unit of work.
    pub async fn refuse(&self, refusal: Refusal, cause: &Cause) -> Result<(), StorageError>
    where
        H: Refuse,
    {
        let mut uow = self.factory.begin(cause);
        uow.publish(&H::RefusalEvent::from(refusal));
        self.factory.commit(uow).await.map(|Committed| ())
    }

    async fn run<W: UseCase<H, S::Uow>>(&self, work: &W, cause: &Cause) -> Result<(W::Output, bool), W::Error> {
        let mut uow = self.factory.begin(cause);
        for _ in 1..TRIES {
            let refusal = match self.work(work, cause, &mut uow).await {
                Err(refusal) if refusal.kind() == FaultKind::ConcurrencyConflict => {
                    uow = self.factory.restart(uow).await?;
                    continue;
                }
                Err(refusal) => return Err(refusal),
                Ok(output) => match self.factory.commit(uow).await {
                    Ok(Committed) => return Ok(output),
                    Err(refusal) => refusal,
                },
            };
            if refusal.kind() != FaultKind::ConcurrencyConflict {
                return Err(refusal.into());
            }
            uow = self.factory.begin(cause);
        }
        let output = self.work(work, cause, &mut uow).await?;
        self.factory.commit(uow).await?;
        Ok(output)
    }

    /// Runs the handler and its reactions without a commit. Returns also whether another batch is left.
    async fn work<W: UseCase<H, S::Uow>>(
        &self,
        work: &W,
        cause: &Cause,
        uow: &mut S::Uow,
    ) -> Result<(W::Output, bool), W::Error> {
        let output = {
            // Pinned here: the future is large, and each function that takes it by value would copy it.
            let handling = pin!(async {
                let output = work.run(&self.handlers, uow).await?;
                self.react(uow).await?;
                Ok::<_, W::Error>(output)
            });
            self.factory.limit(cause, handling).await??
        };
        let has_more = uow.has_more();
        if has_more && !W::IN_BATCHES {
            return Err(StorageError::Defect(format!("a command found more than {REACTION_BATCH} aggregates")).into());
        }
        Ok((output, has_more))
    }

    /// Translates the recorded events and runs the reactions to them, until no event is recorded any more.
    async fn react(&self, uow: &mut S::Uow) -> Result<(), H::Fault> {
        for _ in 0..DEPTH {
            let events = uow.drain();
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                event.translate(uow);
                DomainEventHandler::handle(&self.handlers, event, uow).await?;
            }
        }
        Err(StorageError::Defect(format!("reactions record events without end (more than {DEPTH} rounds)")).into())
    }
}

/// A handler with its input, which can run more than once.
trait UseCase<H: Context, U>: Send + Sync {
    /// True if it runs again for the rest, when a unit of work takes one batch only.
    const IN_BATCHES: bool;
    type Output: Send;
    type Error: Fault + From<StorageError> + From<H::Fault>;
    fn run(&self, handlers: &H, uow: &mut U) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

struct RunCommand<C>(C);

impl<C, H, U> UseCase<H, U> for RunCommand<C>
where
    C: Command<Error: From<H::Fault>>,
    H: Context + CommandHandler<C, U>,
    U: Send,
{
    const IN_BATCHES: bool = false;
    type Output = C::Output;
    type Error = C::Error;

    async fn run(&self, handlers: &H, uow: &mut U) -> Result<C::Output, C::Error> {
        CommandHandler::handle(handlers, self.0.clone(), uow).await
    }
}

struct RunEventHandler<E>(E);

impl<E, H, U> UseCase<H, U> for RunEventHandler<E>
where
    E: IntegrationEvent,
    H: EventHandler<E, U>,
    U: Send,
{
    const IN_BATCHES: bool = true;
    type Output = ();
    type Error = H::Fault;

    async fn run(&self, handlers: &H, uow: &mut U) -> Result<(), H::Fault> {
        EventHandler::handle(handlers, self.0.clone(), uow).await
    }
}

/// Runs queries through their handlers.
pub struct QueryBus<R> {
    reads: R,
}

impl<R> QueryBus<R> {
    /// A bus over the query handlers of a context.
    pub fn new(reads: R) -> Self {
        Self { reads }
    }

    /// Answers a query.
    ///
    /// # Errors
    ///
    /// The error of the query.
    pub async fn ask<Q>(&self, query: Q) -> Result<Q::Output, Q::Error>
    where
        Q: Query,
        R: QueryHandler<Q>,
    {
        self.reads.handle(query).await
    }
}
