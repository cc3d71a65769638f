//! What this context is made of: its tables, its routes, what it hears and says.

use super::{http, reads::PgReads};
use crate::{
    application::{Handlers, commands, integration::consumed},
    domain::reserva::ReservaEvent,
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
    let units = PgUnits::<ReservaEvent>::start(&place.database, place.committer, &place.supervisor);
    let reads = PgReads { reservas: units.reads(), pool: place.database.pool(LISTS)? };
    let log = units.log();
    let commands = Data::new(CommandBus::new(Handlers::new(SystemClock), units));
    let queries = Data::new(QueryBus::new(reads));
    let hearing = hearing(commands.clone().into_inner());
    let routes = move |config: &mut ServiceConfig<'_>| {
        config.app_data(commands.clone()).app_data(queries.clone()).configure(http::routes);
    };
    Ok(Started::new(log, routes).hearing(hearing))
}

/// What this context hears: the commands of `comandos-reserva`, and of `eventos-cliente` who leaves.
fn hearing(bus: Arc<CommandBus<Handlers, PgUnits<ReservaEvent>>>) -> Hearing {
    Hearing::with(bus)
        .obeys::<consumed::CrearReserva, commands::CrearReserva>()
        .obeys::<consumed::AprobarReserva, commands::AprobarReserva>()
        .obeys::<consumed::PagarReserva, commands::PagarReserva>()
        .obeys::<consumed::CancelarReserva, commands::CancelarReserva>()
        .hears::<consumed::ClienteDesactivado>()
        .done()
}
