//! What this context is made of: its tables, its routes, what it says.

use super::{http, reads::PgReads};
use crate::{
    application::{Handlers, integration::consumed},
    domain::ClientesEvent,
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

/// How many lists, those of expedientes among them, are read at once.
const LISTS: usize = 8;

/// The context, for the binary.
pub fn module() -> Module {
    Module { name: Handlers::NAME, migrations: || MIGRATIONS, start }
}

fn start(place: &Place) -> anyhow::Result<Started> {
    let units = PgUnits::<ClientesEvent>::start(&place.database, place.committer, &place.supervisor);
    let reads = PgReads { clientes: units.reads(), expedientes: units.reads(), pool: place.database.pool(LISTS)? };
    let log = units.log();
    let commands = Data::new(CommandBus::new(Handlers::new(SystemClock), units));
    let queries = Data::new(QueryBus::new(reads));
    let hearing = hearing(commands.clone().into_inner());
    let routes = move |config: &mut ServiceConfig<'_>| {
        config.app_data(commands.clone()).app_data(queries.clone()).configure(http::routes);
    };
    Ok(Started::new(log, routes).hearing(hearing))
}

/// What this context hears: what becomes of reservas, from `eventos-reserva`.
fn hearing(bus: Arc<CommandBus<Handlers, PgUnits<ClientesEvent>>>) -> Hearing {
    Hearing::with(bus)
        .hears::<consumed::ReservaCreada>()
        .hears::<consumed::ReservaAprobada>()
        .hears::<consumed::ReservaPagada>()
        .hears::<consumed::ReservaCancelada>()
        .done()
}
