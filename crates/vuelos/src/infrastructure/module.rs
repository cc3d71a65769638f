//! What this context is made of: its tables, its routes, what it hears and says.

use super::{http, reads::PgReads};
use crate::{
    application::{Handlers, commands, integration::consumed},
    domain::reserva::ReservaEvent,
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
    let reads = PgReads { reservas: units.reads(), pool: place.pool() };
    Ok(Started::new(Handlers::new(SystemClock), units, reads, http::routes, hears))
}

/// What this context hears: the commands of `comandos-reserva`, and of `eventos-cliente` who leaves.
fn hears(hears: Hears<Handlers, ReservaEvent>) -> Hears<Handlers, ReservaEvent> {
    hears
        .obeys::<consumed::CrearReserva, commands::CrearReserva>()
        .obeys::<consumed::AprobarReserva, commands::AprobarReserva>()
        .obeys::<consumed::PagarReserva, commands::PagarReserva>()
        .obeys::<consumed::CancelarReserva, commands::CancelarReserva>()
        .hears::<consumed::ClienteDesactivado>()
}
