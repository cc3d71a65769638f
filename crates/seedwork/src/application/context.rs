//! What a bounded context is, to the engine.

use super::{Fault, StorageError, Translate};

/// A bounded context: implemented once, by the type that carries its handlers.
pub trait Context: Send + Sync + 'static {
    /// Its name: of its PostgreSQL schema, its role (`sta_<name>`) and its CloudEvents source (`/sta/<name>`).
    const NAME: &'static str;
    /// Everything that can happen in it: the event of its aggregate, or an enum over those of several.
    type Event: Translate;
    /// Why a use case of it may be refused.
    type Fault: Fault + From<StorageError>;
}
