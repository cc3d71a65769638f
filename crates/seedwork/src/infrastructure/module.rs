//! A bounded context as the binary sees it: what to migrate, what to start, what to serve.

use super::{
    consumer::Hearing,
    postgres::{CommitterSettings, Database, LogState, Migrations},
    supervise::Supervisor,
};
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

/// A context that runs.
#[derive(Clone)]
pub struct Started {
    /// How far its log goes.
    pub log: watch::Receiver<LogState>,
    /// What it hears, if anything.
    pub hearing: Option<Hearing>,
    routes: Arc<dyn Fn(&mut ServiceConfig<'_>) + Send + Sync>,
}

impl Started {
    /// A context that runs, with the routes that it serves.
    pub fn new(
        log: watch::Receiver<LogState>,
        routes: impl Fn(&mut ServiceConfig<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self { log, hearing: None, routes: Arc::new(routes) }
    }

    /// And what it hears.
    #[must_use]
    pub fn hearing(self, hearing: Hearing) -> Self {
        Self { hearing: Some(hearing), ..self }
    }

    /// Adds the context's routes to a server.
    pub fn routes(&self, config: &mut ServiceConfig<'_>) {
        (self.routes)(config);
    }
}
