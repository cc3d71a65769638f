//! A PostgreSQL database for one test, on a server that all tests on the machine share.

use crate::infrastructure::postgres::{Database, Migrations, migrate};
use anyhow::Context as _;
use local_postgres::{LocalPostgres, Settings};
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;
use tokio_postgres::NoTls;
use uuid::Uuid;

/// The server that the tests of this process share; it stops with the last test.
static SERVER: Mutex<Weak<LocalPostgres>> = Mutex::const_new(Weak::new());

/// A migrated database that is dropped with this value.
pub struct TestDatabase {
    server: Arc<LocalPostgres>,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Creates a database with the schemas of these contexts.
    ///
    /// # Errors
    ///
    /// PostgreSQL cannot be started, or a migration fails.
    pub async fn create(contexts: Vec<(&'static str, Migrations)>) -> anyhow::Result<Self> {
        let server = server().await?;
        let name = format!("test_{}", Uuid::now_v7().simple());
        administer(&server, &format!("CREATE DATABASE {name}")).await?;
        let url = format!("{}/{name}", server.url().trim_end_matches("/postgres"));
        let database = Self { server, name, url };
        migrate(&database.url, contexts).await?;
        Ok(database)
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The schema of a context.
    ///
    /// # Errors
    ///
    /// The address is malformed, which it never is.
    pub fn context(&self, context: &str) -> anyhow::Result<Database> {
        Database::new(&self.url, context)
    }
}

#[cfg(test)]
impl TestDatabase {
    /// Creates a database with the schema of the engine's own tests.
    pub(crate) async fn engine() -> Self {
        const TABLES: Migrations = diesel_migrations::embed_migrations!("tests/migrations");
        Self::create(vec![("engine", TABLES)]).await.unwrap()
    }
}

impl Drop for TestDatabase {
    /// On a thread of its own: a drop cannot wait inside the test's runtime.
    fn drop(&mut self) {
        let (server, drop) = (Arc::clone(&self.server), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(administer(&server, &drop))
        });
        if let Ok(Err(error)) = dropped.join() {
            tracing::warn!(error = format!("{error:#}"), "the database of a test could not be dropped");
        }
    }
}

async fn server() -> anyhow::Result<Arc<LocalPostgres>> {
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return Ok(server);
    }
    let settings = Settings::new(std::env::temp_dir().join("sta-test-postgres"));
    let server = Arc::new(LocalPostgres::start(settings).await.context("the tests need a PostgreSQL")?);
    *shared = Arc::downgrade(&server);
    Ok(server)
}

#[expect(clippy::disallowed_methods, reason = "the connection's driver ends with the connection")]
async fn administer(server: &LocalPostgres, statement: &str) -> anyhow::Result<()> {
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client.batch_execute(statement).await?)
}
