//! Brings the schemas of a database up to date: roles, grants, tables.

use super::database::Database;
use anyhow::{Context as _, anyhow};
use diesel::{migration::MigrationSource, pg::Pg};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::collections::HashMap;
use tokio_postgres::Client;

/// A context's own migrations: `embed_migrations!("migrations")`.
pub type Migrations = EmbeddedMigrations;

/// What every context's schema has: the log and its relay.
pub(crate) const CONTEXT: Migrations = embed_migrations!("migrations/context");

/// The schema of the PostgreSQL broker, which all contexts share.
const BROKER: Migrations = embed_migrations!("migrations/broker");

/// The name of the schema that all contexts share.
pub(crate) const BROKER_SCHEMA: &str = "broker";

/// Brings the broker's schema and those of the given contexts up to date. Processes that do it at once take turns.
///
/// # Errors
///
/// The database does not answer, or its user may not create roles and schemas where they are missing.
pub async fn migrate(url: &str, contexts: Vec<(&'static str, Migrations)>) -> anyhow::Result<()> {
    let admin = Database::new(url, BROKER_SCHEMA)?.administrator().await.context("cannot connect to PostgreSQL")?;
    admin.batch_execute("SET client_min_messages = warning").await?;
    admin.batch_execute("SELECT pg_advisory_lock(hashtextextended('sta/migrate', 0))").await?;
    provide(&admin, BROKER_SCHEMA).await?;
    run(url, BROKER_SCHEMA, vec![BROKER]).await?;
    for (context, migrations) in contexts {
        provide(&admin, context).await?;
        run(url, context, vec![CONTEXT, migrations]).await?;
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

/// Makes the role and the schema of a context where they are missing.
async fn provide(admin: &Client, context: &str) -> anyhow::Result<()> {
    let role = format!("sta_{context}");
    // Roles belong to all databases of a server: another one may be making the same one right now. Since version 16, who
    // makes a role may grant it, but is not thereby able to play it.
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

async fn run(url: &str, context: &str, sources: Vec<Migrations>) -> anyhow::Result<()> {
    let mut db = Database::new(url, context)?.connect().await?;
    db.batch_execute("SET client_min_messages = warning").await?;
    tokio::task::spawn_blocking(move || run_blocking(db, sources))
        .await?
        .map_err(|error| anyhow!("the schema {context} cannot be migrated: {error}"))
}

fn run_blocking(db: AsyncPgConnection, sources: Vec<Migrations>) -> Result<(), Refusal> {
    of_different_versions(&sources)?;
    let mut harness = AsyncMigrationHarness::new(db);
    for source in sources {
        harness.run_pending_migrations(source)?;
    }
    Ok(())
}

/// Those of a schema share the list of what was run: of two with one version, the second would be skipped in silence, as the
/// same one given twice may be.
fn of_different_versions(sources: &[Migrations]) -> Result<(), Refusal> {
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

type Refusal = Box<dyn std::error::Error + Send + Sync>;
