//! What this context is made of: its tables, its routes, what it says.

use super::{http, reads::PgReads};
use crate::{application::Handlers, domain::ingesta::IngestaEvent};
use actix_web::web::Data;
use diesel_migrations::embed_migrations;
use seedwork::{
    application::{CommandBus, Context, QueryBus},
    domain::SystemClock,
    infrastructure::{
        module::{Module, Place, Started},
        postgres::{Migrations, PgUnits},
    },
};

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
    Ok(Started::new(log, move |config| {
        config.app_data(commands.clone()).app_data(queries.clone()).configure(http::routes);
    }))
}
