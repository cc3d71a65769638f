//! Commands: requests to change something.

use super::{Fault, StorageError};

/// A request to change something: one use case, one file.
pub trait Command: Clone + Send + Sync + 'static {
    /// The name in logs and metrics, in kebab-case: `alertar-ingesta`.
    const NAME: &'static str;
    /// The result for the sender: the id of a new aggregate, or nothing.
    type Output: Send;
    /// The refusals of its handler, and the errors of its unit of work.
    type Error: Fault + From<StorageError>;
}

/// Handles one type of command.
///
/// A handler loads from the unit of work, calls the domain and saves. It never begins or commits a unit, publishes an
/// event of an aggregate, retries or logs: the bus does these in the same way for every command.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for the command `{C}`",
    label = "no handler for `{C}`",
    note = "write `impl<U: …Uow> CommandHandler<{C}, U> for {Self}` beside the command, in `application/commands/`"
)]
pub trait CommandHandler<C: Command, U>: Send + Sync {
    /// Handles the command inside `uow`.
    fn handle(&self, command: C, uow: &mut U) -> impl Future<Output = Result<C::Output, C::Error>> + Send;
}
