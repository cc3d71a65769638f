//! A bounded context as the binary sees it: what to migrate, what to start, what to serve.

use super::{
    consumer::{Subscriptions, SubscriptionsBuilder},
    postgres::{CommitterSettings, Database, LogState, Migrations, PgUnitOfWork, PgUnitOfWorkFactory, Pool},
    supervise::Supervisor,
};
use crate::application::{CommandBus, Context, DomainEventHandler, QueryBus};
use actix_web::web::Data;
use std::sync::Arc;
use tokio::sync::watch;
use utoipa_actix_web::service_config::ServiceConfig;

/// A bounded context that can be started.
#[derive(Clone, Copy)]
pub struct Module {
    /// The context's name.
    pub name: &'static str,
    /// The context's own tables.
    pub migrations: fn() -> Migrations,
    /// Starts the context in its place.
    pub start: fn(&Place) -> anyhow::Result<Started>,
}

/// Where a context is started.
pub struct Place {
    /// Its schema.
    pub database: Database,
    /// How its units of work are committed.
    pub committer: CommitterSettings,
    /// What its tasks belong to.
    pub supervisor: Supervisor,
}

impl Place {
    /// Starts the units of work of the context.
    pub fn unit_of_work_factory<E>(&self) -> PgUnitOfWorkFactory<E> {
        PgUnitOfWorkFactory::start(&self.database, self.committer, &self.supervisor)
    }

    /// Connections for what is not read by id.
    pub fn pool(&self) -> Pool {
        self.database.lists().clone()
    }
}

/// A context that runs.
#[derive(Clone)]
pub struct Started {
    /// How far its log goes.
    pub log: watch::Receiver<LogState>,
    /// Its subscriptions; none if it consumes nothing.
    pub subscriptions: Option<Subscriptions>,
    routes: Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>,
}

impl Started {
    /// A context that runs, made of its handlers, its units of work, its queries, its routes and its subscriptions.
    pub fn new<H, R>(
        handlers: H,
        factory: PgUnitOfWorkFactory<H::Event>,
        reads: R,
        routes: fn(&mut ServiceConfig<'_>),
        subscriptions: impl FnOnce(SubscriptionsBuilder<H, H::Event>) -> SubscriptionsBuilder<H, H::Event>,
    ) -> Self
    where
        H: Context + DomainEventHandler<<H as Context>::Event, PgUnitOfWork<<H as Context>::Event>>,
        R: Send + Sync + 'static,
    {
        let log = factory.log();
        let commands = Data::new(CommandBus::new(handlers, factory));
        let queries = Data::new(QueryBus::new(reads));
        let subscriptions = subscriptions(Subscriptions::builder(commands.clone().into_inner())).build();
        let routes = move |config: &mut ServiceConfig<'_>| {
            config.app_data(commands.clone()).app_data(queries.clone()).configure(routes);
        };
        Self { log, subscriptions: Some(subscriptions).filter(|all| !all.is_empty()), routes: Arc::new(routes) }
    }

    /// Adds the context's routes to a server.
    pub fn routes(&self, config: &mut ServiceConfig<'_>) {
        (self.routes)(config);
    }
}
