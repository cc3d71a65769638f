//! The cause of a unit of work: it correlates a request with all log lines and messages that follow from it.

use std::sync::Arc;
use uuid::Uuid;

/// The cause of a unit of work. Every message that the unit publishes carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The same for everything that follows from one request from outside, across all contexts.
    pub correlation_id: String,
    /// The id of the message that is handled; none for a request from outside.
    pub causation_id: Option<String>,
    /// The W3C trace context.
    pub traceparent: Option<String>,
    /// The consumed message whose effect the unit is: it is claimed in the same transaction.
    pub consumed: Option<Arc<MessageIdentity>>,
}

impl Cause {
    /// The cause of a request from outside without a correlation id: a new one.
    pub fn new() -> Self {
        Self::correlated(Uuid::now_v7().to_string())
    }

    /// The cause of a request from outside with a correlation id.
    pub fn correlated(correlation_id: String) -> Self {
        Self { correlation_id, causation_id: None, traceparent: None, consumed: None }
    }
}

impl Default for Cause {
    fn default() -> Self {
        Self::new()
    }
}

/// The identity of a consumed message, by which it is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageIdentity {
    /// The source (`ce_source`).
    pub source: String,
    /// The id, unique within the source (`ce_id`).
    pub id: String,
    /// The topic that it was read from.
    pub topic: Arc<str>,
    /// The number of the partition in the topic, from 0 on.
    pub partition: i32,
    /// The key. Messages of one key are handled in order; a message without a key is independent.
    pub key: Option<Vec<u8>>,
    /// The number of its row in `parked`, if it is retried from there.
    pub parked: Option<i64>,
}
