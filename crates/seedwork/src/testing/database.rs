//! A real PostgreSQL database for one test, on a server that all tests on the machine share.

use crate::infrastructure::postgres::{Database, Migrations, migrate};
use anyhow::Context as _;
use local_postgres::{LocalPostgres, Settings};
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;
use tokio_postgres::NoTls;
use uuid::Uuid;

/// The server that the tests of this process share; it stops with the last test.
static SERVER: Mutex<Weak<LocalPostgres>> = Mutex::const_new(Weak::new());

/// A database of its own, migrated, dropped at the end of the test.
pub struct TestDatabase {
    server: Arc<LocalPostgres>,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Makes a database with the schemas of some contexts.
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

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The place of a context in it.
    ///
    /// # Errors
    ///
    /// Never in practice: the address is one that PostgreSQL was started with.
    pub fn context(&self, context: &str) -> anyhow::Result<Database> {
        Database::new(&self.url, context)
    }
}

#[cfg(test)]
impl TestDatabase {
    /// With the schema that the engine's own tests have, which is called so.
    pub(crate) async fn pruebas() -> Self {
        const TABLES: Migrations = diesel_migrations::embed_migrations!("tests/migrations");
        Self::create(vec![("pruebas", TABLES)]).await.unwrap()
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
            tracing::warn!(error = format!("{error:#}"), "a test's database is left behind");
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
