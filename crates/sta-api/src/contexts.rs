//! The list of all contexts.

use crate::settings::Settings;
use seedwork::infrastructure::{module::Module, postgres::Migrations};

/// Returns all contexts.
pub(crate) fn all() -> Vec<Module> {
    vec![clientes::infrastructure::module(), ingesta::infrastructure::module(), vuelos::infrastructure::module()]
}

/// Returns the names of all contexts.
pub(crate) fn names() -> Vec<&'static str> {
    all().iter().map(|module| module.name).collect()
}

/// Returns the contexts that this process runs.
pub(crate) fn chosen(settings: &Settings) -> Vec<Module> {
    let chosen = |module: &Module| settings.contexts.is_empty() || settings.contexts.iter().any(|c| c == module.name);
    all().into_iter().filter(chosen).collect()
}

/// Returns the migrations of the contexts that this process runs.
pub(crate) fn migrations(settings: &Settings) -> Vec<(&'static str, Migrations)> {
    chosen(settings).iter().map(|module| (module.name, (module.migrations)())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::infrastructure::{
        module::ContextEnvironment,
        postgres::{CommitterSettings, Database},
        supervise::Supervisor,
    };

    /// A type that does not fit the record that it reads fails here, whatever else is tested of its context.
    #[tokio::test]
    async fn every_context_starts() {
        for module in all() {
            // No database answers there: a start needs none.
            let database = Database::new("postgres://nobody@127.0.0.1:1/nowhere", module.name).unwrap();
            let (committer, supervisor) = (CommitterSettings::default(), Supervisor::new());
            let started = module.start(&ContextEnvironment { database, committer, supervisor });
            assert!(started.is_ok(), "{} does not start: {:#}", module.name, started.err().unwrap());
        }
    }
}
