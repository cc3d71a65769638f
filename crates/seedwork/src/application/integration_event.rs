//! Integration events: the messages between contexts.

use serde::{Serialize, de::DeserializeOwned};

/// A message between contexts, an event or a command: one record of the published language in `schema/`.
///
/// Derive it: `#[derive(IntegrationEvent)]` with
/// `#[event(record = "sta.ingesta.v1.IngestaCreada", topic = "eventos-ingesta", key = id_ingesta, version = version)]`.
pub trait IntegrationEvent: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The full name of the record in the schema.
    const TYPE: &'static str;
    /// The topic that it is published on.
    const TOPIC: &'static str;
    /// Returns the key. Messages of one key are delivered in the order of their commits.
    fn key(&self) -> String;
    /// Returns the version of the aggregate after the event, by which a consumer orders events. A command has none.
    fn aggregate_version(&self) -> Option<i64> {
        None
    }
}
