//! A context as it runs in the service, for tests that kill it.

use super::TestDatabase;
use crate::infrastructure::{
    consumer::Consumer,
    module::{ContextEnvironment, Module},
    postgres::CommitterSettings,
    relay::Relay,
    supervise::Supervisor,
};
use anyhow::Context as _;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// The time to finish the work that was begun.
const DRAIN: Duration = Duration::from_secs(10);

/// A context with its committer, relay and consumer over the embedded broker: a process of the service without HTTP.
/// Several may run on one database.
///
/// It has a runtime of its own, so [`kill`](Self::kill) ends it as SIGKILL ends a process: in the middle of its work, with
/// nothing drained and nothing released.
pub struct TestProcess {
    supervisor: Supervisor,
    /// `None` once it has ended.
    runtime: Option<Runtime>,
}

impl TestProcess {
    /// Starts a context on a database that has the context's schema.
    ///
    /// # Errors
    ///
    /// The context does not start.
    pub async fn start(module: &Module, database: &TestDatabase) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let supervisor = Supervisor::new();
        let (own, tasks) = (database.context(module.name)?, supervisor.clone());
        let (broker, registry) = database.broker().await?.into_parts();
        let (name, module) = (module.name, module.clone());
        let started = runtime.spawn(async move {
            let environment = ContextEnvironment {
                database: own.clone(),
                committer: CommitterSettings::default(),
                supervisor: tasks.clone(),
            };
            let running = module.start(&environment)?;
            Relay::start(own.clone(), broker.clone(), registry.clone(), running.log.clone(), &tasks);
            if let Some(subscriptions) = running.subscriptions.clone() {
                Consumer::start(own, broker, registry, subscriptions, &tasks);
            }
            anyhow::Ok(())
        });
        started.await?.with_context(|| format!("{name} does not start"))?;
        Ok(Self { supervisor, runtime: Some(runtime) })
    }

    /// Kills it.
    pub fn kill(self) {
        drop(self);
    }

    /// Stops it in order. Returns false if some work did not finish in time.
    pub async fn stop(self) -> bool {
        self.supervisor.stop(DRAIN).await
    }
}

impl Drop for TestProcess {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
