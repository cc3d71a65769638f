//! Commands: what somebody asks the context to do.

use super::{Fault, StorageError};

/// A request to change something. One use case, one command, one file.
pub trait Command: Clone + Send + Sync + 'static {
    /// The name in logs and metrics, in kebab-case: `alertar-ingesta`.
    const NAME: &'static str;
    /// What the sender is told when it is done: the id of a new thing, or nothing.
    type Output: Send;
    /// Why it may be refused.
    type Error: Fault + From<StorageError>;
}

/// Handles one kind of command.
///
/// A handler reads through the unit of work, calls the domain and saves. It never begins, commits, publishes an event
/// of an aggregate, tries again or logs: the bus does these, the same way for every command.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the command `{C}`",
    label = "no handler for `{C}`",
    note = "write `impl<U: …Uow> CommandHandler<{C}, U> for {Self}` beside the command, in `application/commands/`"
)]
pub trait CommandHandler<C: Command, U>: Send + Sync {
    /// Does what the command asks, inside `uow`.
    fn handle(&self, command: C, uow: &mut U) -> impl Future<Output = Result<C::Output, C::Error>> + Send;
}
