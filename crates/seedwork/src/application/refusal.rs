//! The answer to a command from the broker that the business refuses: nobody waits for one, so it is published.

use super::{Context, UnitOfWork};
use crate::domain::Timestamp;

/// A command that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The key of the command's message: which aggregate it was for.
    pub key: String,
    /// The id of the command's message, as its sender chose it.
    pub command_id: String,
    /// The name of the command's record, without its namespace.
    pub command: &'static str,
    /// The name of the rule that it breaks, in kebab-case.
    pub rule: &'static str,
    /// What is wrong, in Spanish.
    pub detail: String,
    /// When it was refused.
    pub time: Timestamp,
}

/// A context that handles commands from the broker: says how a refusal is told.
pub trait Refuse: Context {
    /// Publishes the answer to a command that was refused.
    fn refuse(refusal: Refusal, uow: &mut impl UnitOfWork);
}
