//! What this context is made of: its tables, its routes, what it hears and says.

use super::{http, queries::PgReads};
use crate::{
    application::{Handlers, commands, integration::consumed},
    domain::reserva::ReservaEvent,
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
    let reads = PgReads { reservas: factory.reads(), pool: environment.pool() };
    RunningContext::new(Handlers::new(SystemClock), factory, reads, http::routes, subscriptions)
}

/// Subscribes to the commands on `comandos-reserva` and to the deactivation of clientes on `eventos-cliente`.
fn subscriptions(
    subscriptions: SubscriptionsBuilder<Handlers, ReservaEvent>,
) -> SubscriptionsBuilder<Handlers, ReservaEvent> {
    subscriptions
        .on_command::<consumed::CrearReserva, commands::CrearReserva>()
        .on_command::<consumed::AprobarReserva, commands::AprobarReserva>()
        .on_command::<consumed::PagarReserva, commands::PagarReserva>()
        .on_command::<consumed::CancelarReserva, commands::CancelarReserva>()
        .on_event::<consumed::ClienteDesactivado>()
}
