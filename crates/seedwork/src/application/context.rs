//! A bounded context, as the engine sees it.

use super::{Fault, StorageError, Translate};

/// A bounded context. The type with its handlers implements this, once.
pub trait Context: Send + Sync + 'static {
    /// The name, which its PostgreSQL schema, its role (`sta_<name>`) and its CloudEvents source (`/sta/<name>`) have.
    const NAME: &'static str;
    /// The domain events of its aggregate, or an enum over those of several aggregates.
    type Event: Translate;
    /// The refusals of its use cases.
    type Fault: Fault + From<StorageError>;
}
