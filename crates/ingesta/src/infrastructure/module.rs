//! What this context is made of: its tables, its routes, what it says.

use super::{http, reads::PgReads};
use crate::{
    application::{Handlers, commands, integration::consumed},
    domain::ingesta::IngestaEvent,
};
use actix_web::web::Data;
use diesel_migrations::embed_migrations;
use seedwork::{
    application::{CommandBus, Context, QueryBus},
    domain::SystemClock,
    infrastructure::{
        consumer::Hearing,
        module::{Module, Place, Started},
        postgres::{Migrations, PgUnits},
    },
};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// The context's own tables.
const MIGRATIONS: Migrations = embed_migrations!("migrations");

/// How many lists are read at once.
const LISTS: usize = 8;

/// The context, for the binary.
pub fn module() -> Module {
    Module { name: Handlers::NAME, migrations: || MIGRATIONS, start }
}

fn start(place: &Place) -> anyhow::Result<Started> {
    let units = PgUnits::<IngestaEvent>::start(&place.database, place.committer, &place.supervisor);
    let reads = PgReads { ingestas: units.reads(), pool: place.database.pool(LISTS)? };
    let log = units.log();
    let commands = Data::new(CommandBus::new(Handlers::new(SystemClock), units));
    let queries = Data::new(QueryBus::new(reads));
    let hearing = hearing(commands.clone().into_inner());
    let routes = move |config: &mut ServiceConfig<'_>| {
        config.app_data(commands.clone()).app_data(queries.clone()).configure(http::routes);
    };
    Ok(Started::new(log, routes).hearing(hearing))
}

/// What this context hears: the commands of `comandos-ingesta`.
fn hearing(bus: Arc<CommandBus<Handlers, PgUnits<IngestaEvent>>>) -> Hearing {
    Hearing::with(bus)
        .obeys::<consumed::CrearIngesta, commands::CrearIngesta>()
        .obeys::<consumed::IniciarProcesamiento, commands::IniciarProcesamiento>()
        .obeys::<consumed::AlertarIngesta, commands::AlertarIngesta>()
        .obeys::<consumed::RechazarIngesta, commands::RechazarIngesta>()
        .obeys::<consumed::FinalizarIngesta, commands::FinalizarIngesta>()
        .obeys::<consumed::RevertirIngesta, commands::RevertirIngesta>()
        .obeys::<consumed::EliminarIngesta, commands::EliminarIngesta>()
        .done()
}
