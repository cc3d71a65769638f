//! What this context is made of: its tables, its routes, what it says.

use super::{http, queries::PgReads};
use crate::{
    application::{Handlers, integration::consumed},
    domain::ClientesEvent,
};
use diesel_migrations::embed_migrations;
use seedwork::{
    application::Context,
    domain::SystemClock,
    infrastructure::{
        consumer::SubscriptionsBuilder,
        module::{ContextEnvironment, Module, RunningContext},
        postgres::Migrations,
    },
};

/// The context's own tables.
const MIGRATIONS: Migrations = embed_migrations!("migrations");

/// The context, for the binary.
pub fn module() -> Module {
    Module { name: Handlers::NAME, migrations: || MIGRATIONS, start }
}

fn start(environment: &ContextEnvironment) -> anyhow::Result<RunningContext> {
    let factory = environment.unit_of_work_factory();
    let reads = PgReads { clientes: factory.reads(), expedientes: factory.reads(), pool: environment.pool() };
    RunningContext::new(Handlers::new(SystemClock), factory, reads, http::routes, subscriptions)
}

/// Subscribes to the events of reservas on `eventos-reserva`.
fn subscriptions(
    subscriptions: SubscriptionsBuilder<Handlers, ClientesEvent>,
) -> SubscriptionsBuilder<Handlers, ClientesEvent> {
    subscriptions
        .on_event::<consumed::ReservaCreada>()
        .on_event::<consumed::ReservaAprobada>()
        .on_event::<consumed::ReservaPagada>()
        .on_event::<consumed::ReservaCancelada>()
}
