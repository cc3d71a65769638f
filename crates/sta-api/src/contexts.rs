//! The contexts of the system: the one list of them.

use crate::settings::Settings;
use seedwork::infrastructure::{module::Module, postgres::Migrations};

/// Every context there is.
pub(crate) fn all() -> Vec<Module> {
    vec![clientes::infrastructure::module(), ingesta::infrastructure::module(), vuelos::infrastructure::module()]
}

/// The names of all contexts.
pub(crate) fn names() -> Vec<&'static str> {
    all().iter().map(|module| module.name).collect()
}

/// The contexts that this process runs.
pub(crate) fn chosen(settings: &Settings) -> Vec<Module> {
    let chosen = |module: &Module| settings.contexts.is_empty() || settings.contexts.iter().any(|c| c == module.name);
    all().into_iter().filter(chosen).collect()
}

/// The migrations of the contexts that this process runs.
pub(crate) fn migrations(settings: &Settings) -> Vec<(&'static str, Migrations)> {
    chosen(settings).iter().map(|module| (module.name, (module.migrations)())).collect()
}
