//! The types of a context over PostgreSQL, with names for what its bus, its routes and its subscriptions share.

use super::{PgUnitOfWork, PgUnitOfWorkFactory};
use crate::application::{CommandBus, Context, DomainEventHandler};

/// The unit of work of a context over PostgreSQL.
pub type PgUow<H> = PgUnitOfWork<<H as Context>::Event>;

/// A context whose handlers work in units of work over PostgreSQL.
pub trait PgContext: Context + DomainEventHandler<PgUow<Self>> {}

impl<H: Context + DomainEventHandler<PgUow<H>>> PgContext for H {}

/// The command bus of a context over PostgreSQL.
pub type PgCommandBus<H> = CommandBus<H, PgUnitOfWorkFactory<<H as Context>::Event>>;
