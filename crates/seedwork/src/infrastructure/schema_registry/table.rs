//! The table `schemas`: the text of every schema ever used, and the registry if there is no server.

use crate::infrastructure::{avro::schemas, postgres::Database};
use anyhow::Context as _;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Assigns ids in the order of arrival, under a lock. An id is never reused.
const REGISTER: &str = "\
    INSERT INTO schemas (fingerprint, id, name, text) \
    SELECT r.fingerprint, coalesce((SELECT max(id) FROM schemas), 0) + row_number() OVER (ORDER BY r.name), r.name, r.text \
    FROM unnest($1::int8[], $2::text[], $3::text[]) AS r (fingerprint, name, text) \
    WHERE NOT EXISTS (SELECT FROM schemas s WHERE s.fingerprint = r.fingerprint)";

/// Stores ids that a registry has assigned. If an id belonged to another schema before, as after the registry lost its
/// data, the row of that schema is deleted.
const REMEMBER: &str = "\
    WITH given AS (SELECT * FROM unnest($2::text[], $3::int8[], $4::int4[]) AS r (topic, fingerprint, id)), \
    gone AS (DELETE FROM registered r USING given WHERE r.registry = $1 AND r.id = given.id \
    AND r.fingerprint <> given.fingerprint AND NOT EXISTS \
    (SELECT FROM given g WHERE g.topic = r.topic AND g.fingerprint = r.fingerprint)) \
    INSERT INTO registered (registry, topic, fingerprint, id) SELECT $1, topic, fingerprint, id FROM given \
    ORDER BY topic, fingerprint ON CONFLICT (registry, topic, fingerprint) DO UPDATE SET id = excluded.id \
    WHERE registered.id <> excluded.id";

const REMEMBERED: &str = "SELECT topic, fingerprint, id FROM registered WHERE registry = $1";

const TEXT: &str = "\
    SELECT s.text FROM registered r JOIN schemas s USING (fingerprint) WHERE r.registry = $1 AND r.id = $2 LIMIT 1";

/// A schema with the id that a registry has assigned for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegisteredSchema {
    pub(super) topic: String,
    pub(super) fingerprint: i64,
    pub(super) id: i32,
}

/// The table `schemas` in the broker's schema of a database.
#[derive(Clone)]
pub(super) struct SchemaTable {
    database: Database,
    ids: Arc<RwLock<HashMap<i64, i32>>>,
}

impl SchemaTable {
    /// Opens the table and assigns an id to every compiled record.
    pub(super) async fn open(database: Database) -> anyhow::Result<Self> {
        let client = database.client("").await?;
        let records: Vec<_> = schemas::record_schemas().collect();
        let fingerprints: Vec<i64> = records.iter().map(|record| record.fingerprint).collect();
        let names: Vec<&str> = records.iter().map(|record| record.name).collect();
        let texts: Vec<&str> = records.iter().map(|record| record.text).collect();
        client.batch_execute("BEGIN; LOCK TABLE schemas IN SHARE ROW EXCLUSIVE MODE").await?;
        client.execute(REGISTER, &[&fingerprints, &names, &texts]).await?;
        client.batch_execute("COMMIT").await?;
        let table = Self { database, ids: Arc::default() };
        table.refresh().await?;
        Ok(table)
    }

    /// Returns the id of the schema with this fingerprint.
    pub(super) async fn id(&self, fingerprint: i64) -> anyhow::Result<i32> {
        if let Some(id) = self.known(fingerprint) {
            return Ok(id);
        }
        self.refresh().await?;
        self.known(fingerprint).with_context(|| format!("no schema has the fingerprint {fingerprint}"))
    }

    /// Returns the text of the schema with this id, if there is one.
    pub(super) async fn text(&self, id: i32) -> anyhow::Result<Option<String>> {
        let client = self.database.client("").await?;
        let row = client.query_opt("SELECT text FROM schemas WHERE id = $1", &[&id]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Returns the name and the text of the schema with this fingerprint, which an older version may have written.
    pub(super) async fn named(&self, fingerprint: i64) -> anyhow::Result<(String, String)> {
        let client = self.database.client("").await?;
        let row = client.query_opt("SELECT name, text FROM schemas WHERE fingerprint = $1", &[&fingerprint]).await?;
        let row = row.with_context(|| format!("no schema has the fingerprint {fingerprint}"))?;
        Ok((row.get(0), row.get(1)))
    }

    /// Stores ids that a registry has assigned.
    pub(super) async fn remember(&self, registry: &str, given: &[RegisteredSchema]) -> anyhow::Result<()> {
        let topics: Vec<&str> = given.iter().map(|given| &*given.topic).collect();
        let fingerprints: Vec<i64> = given.iter().map(|given| given.fingerprint).collect();
        let ids: Vec<i32> = given.iter().map(|given| given.id).collect();
        let client = self.database.client("").await?;
        client.execute(REMEMBER, &[&registry, &topics, &fingerprints, &ids]).await?;
        Ok(())
    }

    /// Returns the stored ids of a registry.
    pub(super) async fn remembered(&self, registry: &str) -> anyhow::Result<Vec<RegisteredSchema>> {
        let rows = self.database.client("").await?.query(REMEMBERED, &[&registry]).await?;
        let registered =
            |row: &tokio_postgres::Row| RegisteredSchema { topic: row.get(0), fingerprint: row.get(1), id: row.get(2) };
        Ok(rows.iter().map(registered).collect())
    }

    /// Returns the text of the schema with this id in a registry, if it is stored.
    pub(super) async fn text_at(&self, registry: &str, id: i32) -> anyhow::Result<Option<String>> {
        let row = self.database.client("").await?.query_opt(TEXT, &[&registry, &id]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    fn known(&self, fingerprint: i64) -> Option<i32> {
        self.ids.read().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).copied()
    }

    async fn refresh(&self) -> anyhow::Result<()> {
        let client = self.database.client("").await?;
        let rows = client.query("SELECT fingerprint, id FROM schemas", &[]).await?;
        let ids = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        *self.ids.write().unwrap_or_else(PoisonError::into_inner) = ids;
        Ok(())
    }
}
