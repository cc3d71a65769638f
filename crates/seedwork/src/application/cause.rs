//! Why something happens: what ties a request to every log line and message that it leads to.

use std::sync::Arc;
use uuid::Uuid;

/// What a unit of work was begun for. It travels on every message that the unit publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The same for everything that one request from outside led to, across all contexts.
    pub correlation_id: String,
    /// The message that is being handled; none for a request from outside.
    pub causation_id: Option<String>,
    /// The W3C trace that this is a part of.
    pub traceparent: Option<String>,
    /// The consumed message whose effect the unit is: it is claimed in the same transaction.
    pub consumed: Option<Arc<MessageIdentity>>,
}

impl Cause {
    /// A request from outside that brought no correlation id.
    pub fn new() -> Self {
        Self::correlated(Uuid::now_v7().to_string())
    }

    /// A request from outside that is part of something larger.
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
    /// Where it comes from (`ce_source`).
    pub source: String,
    /// Its id, unique within its source (`ce_id`).
    pub id: String,
    /// The topic.
    pub topic: Arc<str>,
    /// The partition of the topic.
    pub partition: i32,
    /// What orders it; a message without a key is a key of its own.
    pub key: Option<Vec<u8>>,
    /// Its place among the parked messages, when it is tried again from there.
    pub parked: Option<i64>,
}
