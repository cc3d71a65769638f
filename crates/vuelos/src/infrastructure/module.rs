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
        .on_command::<consumed::CrearReserva, commands::CrearReserva>()
        .on_command::<consumed::AprobarReserva, commands::AprobarReserva>()
        .on_command::<consumed::PagarReserva, commands::PagarReserva>()
        .on_command::<consumed::CancelarReserva, commands::CancelarReserva>()
        .on_event::<consumed::ClienteDesactivado>()
        .build()
}
