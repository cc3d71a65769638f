//! The interfaces of use cases: commands, queries, reactions, and the unit of work that they run in.
//!
//! They name no database, broker or HTTP, so every use case runs in a unit test.

mod bus;
mod cause;
mod command;
mod context;
mod event;
mod fault;
mod integration_event;
mod named;
mod page;
mod query;
mod refusal;
mod storage_error;
mod symbol;
mod translate;
mod unit_of_work;

pub use bus::{CommandBus, QueryBus};
pub use cause::{Cause, MessageIdentity};
pub use command::{Command, CommandHandler};
pub use context::Context;
pub use event::{DomainEventHandler, EventHandler};
pub use fault::{Fault, FaultKind};
pub use integration_event::IntegrationEvent;
pub use named::Named;
pub use page::{Page, PageCursor, PageRequest};
pub use query::{Query, QueryHandler};
pub use refusal::{Refusal, Refuse};
pub use seedwork_derive::{Fault, IntegrationEvent};
pub use storage_error::StorageError;
pub use symbol::Symbol;
pub use translate::Translate;
pub use unit_of_work::{
    Committed, Find, Load, Project, REACTION_BATCH, ReadModel, RecordedEvents, Save, UnitOfWork, UnitOfWorkFactory,
};
