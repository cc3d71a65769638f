//! The context for the binary: its tables, its queries, its routes and its subscriptions.

use super::{http, queries::PgReads};
use crate::application::{Handlers, integration::consumed};
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
        .on_event::<consumed::ReservaCreada>()
        .on_event::<consumed::ReservaAprobada>()
        .on_event::<consumed::ReservaPagada>()
        .on_event::<consumed::ReservaCancelada>()
        .build()
}
