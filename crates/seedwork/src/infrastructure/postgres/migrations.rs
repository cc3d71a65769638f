//! Migrates the schemas of a database: roles, grants and tables.

use super::connection::database::Database;
use anyhow::{Context as _, anyhow};
use diesel::{
    dsl::sql,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_types::Integer,
};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;

/// A context's own migrations: `embed_migrations!("migrations")`.
pub type Migrations = EmbeddedMigrations;

/// The engine's tables in every context's schema.
pub(crate) const CONTEXT: Migrations = embed_migrations!("migrations/context");

/// The tables of the PostgreSQL broker.
const BROKER: Migrations = embed_migrations!("migrations/broker");

/// The name of the broker's schema, which all contexts share.
pub(crate) const BROKER_SCHEMA: &str = "broker";

/// The longest wait of a migration for a lock, in milliseconds. Other sessions queue behind it.
const LOCK: u32 = 2_000;
/// The pause before the next try, which lets other sessions pass.
const PAUSE: Duration = Duration::from_millis(500);
/// The time after which a migration without its lock fails.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);
/// The interval between two queries for blocking sessions.
const INTERVAL: Duration = Duration::from_millis(500);

/// Selects the sessions that hold the locks for which a session waits.
const BLOCKERS: &str = "\
    SELECT string_agg(format('%s (%s, %s)', pid, coalesce(nullif(application_name, ''), 'unnamed'), coalesce(state, \
    'of another user')), ', ' ORDER BY pid) FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids($1))";

/// Migrates the broker's schema and those of the given contexts. One process at a time does it.
///
/// # Errors
///
/// The database does not answer, its user may not create a missing role or schema, or a lock is not free in time.
pub async fn migrate(url: &str, contexts: Vec<(&'static str, Migrations)>) -> anyhow::Result<()> {
    let admin = Database::new(url, BROKER_SCHEMA)?;
    let watch = admin.administrator().await.context("cannot connect to PostgreSQL")?;
    let admin = admin.administrator().await.context("cannot connect to PostgreSQL")?;
    admin.batch_execute(&format!("SET client_min_messages = warning; SET lock_timeout = {LOCK}")).await?;
    let turn = "SELECT pg_advisory_lock(hashtextextended('sta/migrate', 0))";
    locked("the lock of migrations", backend(&admin).await?, &watch, async || Ok(admin.batch_execute(turn).await?))
        .await?;
    provide(&admin, BROKER_SCHEMA).await?;
    run(url, BROKER_SCHEMA, vec![BROKER], &watch).await?;
    for (context, migrations) in contexts {
        provide(&admin, context).await?;
        run(url, context, vec![CONTEXT, migrations], &watch).await?;
        admin
            .batch_execute(&format!(
                "GRANT USAGE ON SCHEMA {BROKER_SCHEMA} TO sta_{context}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {BROKER_SCHEMA} TO sta_{context}"
            ))
            .await?;
    }
    admin.batch_execute("SELECT pg_advisory_unlock_all()").await?;
    Ok(())
}

/// Returns the id of the server process that serves a connection.
async fn backend(client: &Client) -> Result<i32, tokio_postgres::Error> {
    client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)
}

/// Repeats `act` until it gets its locks, on the connection that the server process `pid` serves. A warning names the
/// sessions that hold them.
async fn locked<T>(
    what: &str,
    pid: i32,
    watch: &Client,
    mut act: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let until = Instant::now() + LOCK_TIMEOUT;
    let mut logged = String::new();
    loop {
        let mut holders = None;
        let outcome = {
            let mut acting = pin!(act());
            loop {
                match timeout(INTERVAL, &mut acting).await {
                    Ok(outcome) => break outcome,
                    Err(_) => holders = watch.query_one(BLOCKERS, &[&pid]).await?.try_get(0)?,
                }
                if let Some(holders) = holders.as_ref().filter(|holders| **holders != logged) {
                    tracing::warn!(what, holders, "a migration waits for sessions that hold a lock");
                    logged.clone_from(holders);
                }
            }
        };
        match (outcome, holders) {
            (Ok(done), _) => return Ok(done),
            (Err(error), Some(holders)) if Instant::now() > until => {
                return Err(error.context(format!("{what}: the lock is held by {holders}")));
            }
            (Err(_), Some(_)) => sleep(PAUSE).await,
            (Err(error), None) => return Err(error),
        }
    }
}

/// Creates the role and the schema of a context if they are missing.
async fn provide(admin: &Client, context: &str) -> anyhow::Result<()> {
    let role = format!("sta_{context}");
    // Roles belong to all databases of a server, so a migration of another database may create the same role at the
    // same time. Since PostgreSQL 16, the creator of a role may grant it, but not use it by `SET ROLE`.
    let provide = format!(
        "DO $$ BEGIN \
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
         DO $$ BEGIN \
           IF NOT pg_has_role(current_user, '{role}', CASE WHEN current_setting('server_version_num')::int < 160000 \
             THEN 'MEMBER' ELSE 'SET' END) THEN GRANT {role} TO CURRENT_USER; END IF; \
         END $$; \
         CREATE SCHEMA IF NOT EXISTS {context} AUTHORIZATION {role}"
    );
    admin.batch_execute(&provide).await.with_context(|| format!("cannot provide the role and the schema of {context}"))
}

async fn run(url: &str, context: &str, sources: Vec<Migrations>, watch: &Client) -> anyhow::Result<()> {
    of_different_versions(&sources).map_err(|error| anyhow!("the schema {context} cannot be migrated: {error}"))?;
    let mut db = Database::new(url, context)?.connect().await?;
    let session = format!("SET client_min_messages = warning; SET statement_timeout = 0; SET lock_timeout = {LOCK}");
    db.batch_execute(&session).await?;
    let pid = diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(&mut db).await?;
    let (harness, sources) = (Arc::new(Mutex::new(AsyncMigrationHarness::new(db))), Arc::new(sources));
    let what = format!("the migration of {context}");
    let act = async || {
        let (harness, sources) = (Arc::clone(&harness), Arc::clone(&sources));
        tokio::task::spawn_blocking(move || {
            let mut harness = harness.lock().unwrap_or_else(PoisonError::into_inner);
            // A retry skips the migrations that have already run.
            sources.iter().try_for_each(|source| harness.run_pending_migrations(Source(source)).map(drop))
        })
        .await?
        .map_err(|error: MigrationError| anyhow!("the schema {context} cannot be migrated: {error}"))
    };
    locked(&what, pid, watch, act).await
}

/// Borrowed migrations, for a retry.
struct Source<'m>(&'m Migrations);

impl MigrationSource<Pg> for Source<'_> {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<Pg>>>, MigrationError> {
        self.0.migrations()
    }
}

/// Refuses two migrations of one version. The migrations of a schema share one list of versions that have run, so the
/// second would be skipped silently. The same migration given twice is no error.
fn of_different_versions(sources: &[Migrations]) -> Result<(), MigrationError> {
    let mut seen = HashMap::new();
    for source in sources {
        for migration in MigrationSource::<Pg>::migrations(source)? {
            let (version, name) = (migration.name().version().to_string(), migration.name().to_string());
            if let Some(other) = seen.insert(version, name.clone()).filter(|other| *other != name) {
                return Err(format!("the migrations {other} and {name} have one version: give yours another").into());
            }
        }
    }
    Ok(())
}

type MigrationError = Box<dyn std::error::Error + Send + Sync>;
