//! A bounded context as a part of the program: its migrations, its start, its routes and its subscriptions.

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
    /// Its name.
    pub name: &'static str,
    /// The migrations of its tables.
    pub migrations: fn() -> Migrations,
    /// Starts the context.
    pub start: fn(&ContextEnvironment) -> anyhow::Result<RunningContext>,
}

/// The resources that a context is started with.
pub struct ContextEnvironment {
    /// The database, with the schema of the context.
    pub database: Database,
    /// The settings of its committer.
    pub committer: CommitterSettings,
    /// The owner of its tasks.
    pub supervisor: Supervisor,
}

impl ContextEnvironment {
    /// Starts the units of work of the context.
    pub fn unit_of_work_factory<E>(&self) -> PgUnitOfWorkFactory<E> {
        PgUnitOfWorkFactory::start(&self.database, self.committer, &self.supervisor)
    }

    /// Returns the connections for lists. Reads by id have their own.
    pub fn pool(&self) -> Pool {
        self.database.list_pool().clone()
    }
}

/// A started context.
#[derive(Clone)]
pub struct RunningContext {
    /// The extent of its log.
    pub log: watch::Receiver<LogState>,
    /// Its subscriptions; none if it consumes nothing.
    pub subscriptions: Option<Subscriptions>,
    routes: Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>,
}

impl RunningContext {
    /// Assembles a context from its handlers, units of work, queries, routes and subscriptions.
    ///
    /// # Errors
    ///
    /// A type does not fit the record that it reads.
    pub fn new<H, R>(
        handlers: H,
        factory: PgUnitOfWorkFactory<H::Event>,
        reads: R,
        routes: fn(&mut ServiceConfig<'_>),
        subscriptions: impl FnOnce(SubscriptionsBuilder<H, H::Event>) -> SubscriptionsBuilder<H, H::Event>,
    ) -> anyhow::Result<Self>
    where
        H: Context + DomainEventHandler<<H as Context>::Event, PgUnitOfWork<<H as Context>::Event>>,
        R: Send + Sync + 'static,
    {
        let log = factory.log();
        let commands = Data::new(CommandBus::new(handlers, factory));
        let queries = Data::new(QueryBus::new(reads));
        let subscriptions = subscriptions(Subscriptions::builder(commands.clone().into_inner())).build()?;
        let routes = move |config: &mut ServiceConfig<'_>| {
            config.app_data(commands.clone()).app_data(queries.clone()).configure(routes);
        };
        Ok(Self { log, subscriptions: Some(subscriptions).filter(|all| !all.is_empty()), routes: Arc::new(routes) })
    }

    /// Adds the context's routes to a server.
    pub fn routes(&self, config: &mut ServiceConfig<'_>) {
        (self.routes)(config);
    }
}
