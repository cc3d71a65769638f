//! What this context is made of: its tables, its routes, what it says.

use super::{http, queries::PgReads};
use crate::{
    application::{Handlers, commands, integration::consumed},
    domain::ingesta::IngestaEvent,
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
    let reads = PgReads { ingestas: factory.reads(), pool: environment.pool() };
    RunningContext::new(Handlers::new(SystemClock), factory, reads, http::routes, subscriptions)
}

/// Subscribes to the commands on `comandos-ingesta`.
fn subscriptions(
    subscriptions: SubscriptionsBuilder<Handlers, IngestaEvent>,
) -> SubscriptionsBuilder<Handlers, IngestaEvent> {
    subscriptions
        .on_command::<consumed::CrearIngesta, commands::CrearIngesta>()
        .on_command::<consumed::IniciarProcesamiento, commands::IniciarProcesamiento>()
        .on_command::<consumed::AlertarIngesta, commands::AlertarIngesta>()
        .on_command::<consumed::RechazarIngesta, commands::RechazarIngesta>()
        .on_command::<consumed::FinalizarIngesta, commands::FinalizarIngesta>()
        .on_command::<consumed::RevertirIngesta, commands::RevertirIngesta>()
        .on_command::<consumed::EliminarIngesta, commands::EliminarIngesta>()
}
