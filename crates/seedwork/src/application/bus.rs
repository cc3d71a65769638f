//! Runs a use case: begins the unit of work, lets the handler and the reactions work in it, and commits.

use super::{
    Cause, Command, CommandHandler, CommitError, Committed, Context, DomainEventHandler, Drain, Fault, FaultKind,
    Query, QueryHandler, Translate, Units,
};

/// How often a command is run when other changes come first, in all.
const TRIES: usize = 4;

/// How often reactions may cause events that cause reactions, before it is taken for an endless loop.
const DEPTH: usize = 16;

/// Gives commands to the context's handlers, each in a unit of work of its own.
pub struct CommandBus<H, S> {
    handlers: H,
    units: S,
}

impl<H, S> CommandBus<H, S>
where
    H: Context + DomainEventHandler<<H as Context>::Event, S::Uow>,
    S: Units<Uow: Drain<H::Event>>,
{
    /// A bus over a context's handlers and the place where its units of work are committed.
    pub fn new(handlers: H, units: S) -> Self {
        Self { handlers, units }
    }

    /// The place where units of work are committed.
    pub fn units(&self) -> &S {
        &self.units
    }

    /// Obeys a command and commits what it changed.
    ///
    /// A command that loses a race to another process is run again from the start, a bounded number of times.
    ///
    /// # Errors
    ///
    /// The handler's refusal, or the [`CommitError`] of the unit of work, as the command's own error.
    pub async fn dispatch<C>(&self, command: C, cause: &Cause) -> Result<C::Output, C::Error>
    where
        C: Command<Error: From<H::Fault>>,
        H: CommandHandler<C, S::Uow>,
    {
        let mut uow = self.units.begin(cause);
        for _ in 1..TRIES {
            let refusal = match self.work(command.clone(), &mut uow).await {
                Err(refusal) if refusal.kind() == FaultKind::Race => {
                    uow = self.units.again(uow).await?;
                    continue;
                }
                Err(refusal) => return Err(refusal),
                Ok(output) => match self.units.commit(uow).await {
                    Ok(Committed) => return Ok(output),
                    Err(refusal) => refusal,
                },
            };
            if refusal.kind() != FaultKind::Race {
                return Err(refusal.into());
            }
            uow = self.units.begin(cause);
        }
        let output = self.work(command, &mut uow).await?;
        self.units.commit(uow).await?;
        Ok(output)
    }

    /// Runs the handler and what follows from it; nothing is committed.
    async fn work<C>(&self, command: C, uow: &mut S::Uow) -> Result<C::Output, C::Error>
    where
        C: Command<Error: From<H::Fault>>,
        H: CommandHandler<C, S::Uow>,
    {
        let output = CommandHandler::handle(&self.handlers, command, uow).await?;
        self.react(uow).await?;
        Ok(output)
    }

    /// Translates what happened and lets the context react to it, until nothing more happens.
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
        Err(CommitError::Defect(format!("reactions cause events without end (more than {DEPTH} rounds)")).into())
    }
}

/// Gives queries to what answers them.
pub struct QueryBus<R> {
    reads: R,
}

impl<R> QueryBus<R> {
    /// A bus over a context's reads.
    pub fn new(reads: R) -> Self {
        Self { reads }
    }

    /// Answers a query.
    ///
    /// # Errors
    ///
    /// The query's own error.
    pub async fn ask<Q>(&self, query: Q) -> Result<Q::Output, Q::Error>
    where
        Q: Query,
        R: QueryHandler<Q>,
    {
        self.reads.handle(query).await
    }
}
