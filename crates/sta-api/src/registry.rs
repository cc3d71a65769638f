//! Which registry: the server that `SCHEMA_REGISTRY_URL` names, or a table of ours.

use crate::settings::Settings;
use seedwork::infrastructure::{avro::Registry, postgres::Database};

/// The registry of the settings, where what these contexts say is registered; `shared` is the broker's place in the
/// database.
///
/// # Errors
///
/// It does not answer, or what the contexts say is not registered there and must not be.
pub(crate) async fn open(settings: &Settings, shared: Database, contexts: &[&str]) -> anyhow::Result<Registry> {
    match &settings.registry {
        None => Registry::open(shared).await,
        Some(server) => Registry::connect(shared, server.clone(), contexts).await,
    }
}
