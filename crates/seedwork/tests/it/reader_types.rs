//! The types with which a context reads messages, held against the published records.

use crate::{
    fixture::HASTY,
    model::{Changed, Handlers, Uow},
};
use seedwork::{
    application::{CommandBus, EventHandler, IntegrationEvent, StorageError},
    infrastructure::{
        consumer::Subscriptions,
        postgres::{Database, PgUnitOfWorkFactory},
        supervise::Supervisor,
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// A reader type with an optional field that the record does not have.
#[derive(Debug, Clone, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.ingesta.v1.IngestaEliminada", topic = "eventos-ingesta", key = id_ingesta)]
struct Misspelt {
    id_ingesta: Uuid,
    motvo: Option<String>,
}

impl EventHandler<Misspelt, Uow> for Handlers {
    async fn handle(&self, _: Misspelt, _: &mut Uow) -> Result<(), StorageError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_type_that_does_not_fit_its_record_is_an_error_when_the_context_starts() {
    // No database answers there: none is needed.
    let database = Database::new("postgres://nobody@127.0.0.1:1/nowhere", "engine").unwrap();
    let factory = PgUnitOfWorkFactory::start(&database, HASTY, &Supervisor::new());
    let bus = Arc::new(CommandBus::new(Handlers::default(), factory));
    assert!(Subscriptions::builder(Arc::clone(&bus)).on_event::<Changed>().build().is_ok());
    let built = Subscriptions::builder(bus).on_event::<Changed>().on_event::<Misspelt>().build();
    let error = built.err().expect("the record has no such field").to_string();
    assert!(error.contains("Misspelt has a field that its record lacks: IngestaEliminada.motvo"), "{error}");
}
