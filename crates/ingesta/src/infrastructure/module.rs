//! What this context is made of: its tables, its routes, what it says.

use super::{http, reads::PgReads};
use crate::{
    application::{Handlers, commands, integration::consumed},
    domain::ingesta::IngestaEvent,
};
use diesel_migrations::embed_migrations;
use seedwork::{
    application::Context,
    domain::SystemClock,
    infrastructure::{
        consumer::Hears,
        module::{Module, Place, Started},
        postgres::Migrations,
    },
};

/// The context's own tables.
const MIGRATIONS: Migrations = embed_migrations!("migrations");

/// The context, for the binary.
pub fn module() -> Module {
    Module { name: Handlers::NAME, migrations: || MIGRATIONS, start }
}

fn start(place: &Place) -> anyhow::Result<Started> {
    let units = place.units();
    let reads = PgReads { ingestas: units.reads(), pool: place.pool() };
    Ok(Started::new(Handlers::new(SystemClock), units, reads, http::routes, hears))
}

/// What this context hears: the commands of `comandos-ingesta`.
fn hears(hears: Hears<Handlers, IngestaEvent>) -> Hears<Handlers, IngestaEvent> {
    hears
        .obeys::<consumed::CrearIngesta, commands::CrearIngesta>()
        .obeys::<consumed::IniciarProcesamiento, commands::IniciarProcesamiento>()
        .obeys::<consumed::AlertarIngesta, commands::AlertarIngesta>()
        .obeys::<consumed::RechazarIngesta, commands::RechazarIngesta>()
        .obeys::<consumed::FinalizarIngesta, commands::FinalizarIngesta>()
        .obeys::<consumed::RevertirIngesta, commands::RevertirIngesta>()
        .obeys::<consumed::EliminarIngesta, commands::EliminarIngesta>()
}
