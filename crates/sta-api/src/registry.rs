//! The schema registry: the server of `SCHEMA_REGISTRY_URL`, or a table of ours.

use crate::settings::Settings;
use seedwork::infrastructure::{postgres::Database, schema_registry::Registry};

/// Opens the registry of the settings and registers the schemas of these contexts. `shared` is the schema `broker` of the
/// database.
///
/// # Errors
///
/// The registry does not answer, or schemas are missing there and the policy is to refuse.
pub(crate) async fn open(settings: &Settings, shared: Database, contexts: &[&str]) -> anyhow::Result<Registry> {
    match &settings.registry {
        None => Registry::open(shared).await,
        Some(server) => Registry::connect(shared, server.clone(), contexts).await,
    }
}
