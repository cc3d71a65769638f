//! A bounded context as a part of the program: its tables, its handlers, its queries, its routes and its subscriptions.

use super::{
    consumer::{Subscriptions, SubscriptionsBuilder},
    postgres::{CommitterSettings, Database, LogState, Migrations, PgContext, PgUnitOfWorkFactory, PgUow, Pool},
    supervise::Supervisor,
};
use crate::{
    application::{Command, CommandBus, CommandHandler, Context, EventHandler, IntegrationEvent, QueryBus, Refuse},
    domain::Violations,
};
use actix_web::web::Data;
use std::sync::Arc;
use tokio::sync::watch;
use utoipa_actix_web::service_config::ServiceConfig;

type Start = dyn Fn(&ContextEnvironment) -> anyhow::Result<RunningContext> + Send + Sync;

/// A bounded context that can be started.
#[derive(Clone)]
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// The migrations of its tables.
    pub migrations: fn() -> Migrations,
    start: Arc<Start>,
}

impl Module {
    /// Describes the context of these handlers.
    pub fn builder<H: PgContext + Clone>(handlers: H, migrations: fn() -> Migrations) -> ModuleBuilder<H, ()> {
        ModuleBuilder { handlers, migrations, queries: |_, _| (), routes: |_| (), subscriptions: Vec::new() }
    }

    /// Starts the context.
    ///
    /// # Errors
    ///
    /// A type of a message that it consumes does not fit the message's record.
    pub fn start(&self, environment: &ContextEnvironment) -> anyhow::Result<RunningContext> {
        (self.start)(environment)
    }
}

/// The description of a context: `H` are its handlers, `Q` is the type that answers its queries.
#[must_use]
pub struct ModuleBuilder<H: Context, Q> {
    handlers: H,
    migrations: fn() -> Migrations,
    queries: fn(&PgUnitOfWorkFactory<H::Event>, Pool) -> Q,
    routes: fn(&mut ServiceConfig<'_>),
    subscriptions: Vec<fn(SubscriptionsBuilder<H>) -> SubscriptionsBuilder<H>>,
}

impl<H: PgContext + Clone, Q: Send + Sync + 'static> ModuleBuilder<H, Q> {
    /// Answers queries with what `open` makes of the grouped reads by id and of the connections for lists.
    pub fn queries<R>(self, open: fn(&PgUnitOfWorkFactory<H::Event>, Pool) -> R) -> ModuleBuilder<H, R> {
        let Self { handlers, migrations, routes, subscriptions, .. } = self;
        ModuleBuilder { handlers, migrations, queries: open, routes, subscriptions }
    }

    /// Serves these HTTP routes.
    pub fn routes(mut self, routes: fn(&mut ServiceConfig<'_>)) -> Self {
        self.routes = routes;
        self
    }

    /// Subscribes to the command `C`, which arrives as the record `M`. A command that the business refuses is answered
    /// with an event; it is not a failure.
    pub fn on_command<M, C>(mut self) -> Self
    where
        M: IntegrationEvent,
        C: Command<Error: From<H::Fault>> + TryFrom<M, Error = Violations>,
        H: CommandHandler<C, PgUow<H>> + Refuse,
    {
        self.subscriptions.push(SubscriptionsBuilder::on_command::<M, C>);
        self
    }

    /// Subscribes to the event `M`.
    pub fn on_event<M>(mut self) -> Self
    where
        M: IntegrationEvent,
        H: EventHandler<M, PgUow<H>>,
    {
        self.subscriptions.push(SubscriptionsBuilder::on_event::<M>);
        self
    }

    /// Returns the module, which no longer shows the types of its parts.
    pub fn build(self) -> Module {
        let Self { handlers, migrations, queries, routes, subscriptions } = self;
        let start = move |environment: &ContextEnvironment| {
            let ContextEnvironment { database, committer, supervisor } = environment;
            let factory = PgUnitOfWorkFactory::start(database, *committer, supervisor);
            let (log, answers) = (factory.log(), queries(&factory, database.list_pool().clone()));
            let bus = Arc::new(CommandBus::new(handlers.clone(), factory));
            let none = Subscriptions::builder(Arc::clone(&bus));
            let subscriptions = subscriptions.iter().fold(none, |so_far, subscribe| subscribe(so_far)).build()?;
            let (commands, queries) = (Data::from(bus), Data::new(QueryBus::new(answers)));
            let routes = move |config: &mut ServiceConfig<'_>| {
                config.app_data(commands.clone()).app_data(queries.clone()).configure(routes);
            };
            let subscriptions = Some(subscriptions).filter(|all| !all.is_empty());
            Ok(RunningContext { log, subscriptions, routes: Arc::new(routes) })
        };
        Module { name: H::NAME, migrations, start: Arc::new(start) }
    }
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
    /// Adds the context's routes to a server.
    pub fn routes(&self, config: &mut ServiceConfig<'_>) {
        (self.routes)(config);
    }
}
