//! Refusals of commands from the broker. No caller waits for the result, so the refusal is published.

use super::{Context, IntegrationEvent};
use crate::domain::Timestamp;
use uuid::Uuid;

/// The refusal of a command from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The id of the aggregate, which is the key of the command's message.
    pub id: Uuid,
    /// The id of the command's message, chosen by its sender.
    pub command_id: String,
    /// The name of the command's record, without its namespace.
    pub command: &'static str,
    /// The name of the broken rule, in kebab-case.
    pub rule: &'static str,
    /// The text for the sender, in Spanish.
    pub detail: String,
    /// The time of the refusal.
    pub time: Timestamp,
}

/// A context that handles commands from the broker and publishes its refusals.
pub trait Refuse: Context {
    /// The event that a refusal is published as.
    type RefusalEvent: IntegrationEvent + From<Refusal>;
}
