//! The context for the binary: its tables, its queries, its routes and its subscriptions.

use super::{http, queries::PgReads};
use crate::application::{Handlers, commands, integration::consumed};
use diesel_migrations::embed_migrations;
use seedwork::{
    domain::SystemClock,
    infrastructure::{module::Module, postgres::Migrations},
};

const MIGRATIONS: Migrations = embed_migrations!("migrations");

/// Describes the context.
pub fn module() -> Module {
    Module::builder(Handlers::new(SystemClock), || MIGRATIONS)
        .queries(PgReads::open)
        .routes(http::routes)
        .on_command::<consumed::CrearIngesta, commands::CrearIngesta>()
        .on_command::<consumed::IniciarProcesamiento, commands::IniciarProcesamiento>()
        .on_command::<consumed::AlertarIngesta, commands::AlertarIngesta>()
        .on_command::<consumed::RechazarIngesta, commands::RechazarIngesta>()
        .on_command::<consumed::FinalizarIngesta, commands::FinalizarIngesta>()
        .on_command::<consumed::RevertirIngesta, commands::RevertirIngesta>()
        .on_command::<consumed::EliminarIngesta, commands::EliminarIngesta>()
        .build()
}
