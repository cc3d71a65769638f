//! The table `schemas`: what every schema ever was, and the registry when there is no other.

use crate::infrastructure::{avro::schemas, postgres::Database};
use anyhow::Context as _;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Ids are given in the order of arrival, under a lock, and never given again.
const REGISTER: &str = "\
    INSERT INTO schemas (fingerprint, id, name, text) \
    SELECT r.fingerprint, coalesce((SELECT max(id) FROM schemas), 0) + row_number() OVER (ORDER BY r.name), r.name, r.text \
    FROM unnest($1::int8[], $2::text[], $3::text[]) AS r (fingerprint, name, text) \
    WHERE NOT EXISTS (SELECT FROM schemas s WHERE s.fingerprint = r.fingerprint)";

/// The table `schemas` in the broker's schema of a database.
#[derive(Clone)]
pub(super) struct Table {
    database: Database,
    ids: Arc<RwLock<HashMap<i64, i32>>>,
}

impl Table {
    /// Every record that is compiled in is noted, with an id of its own.
    pub(super) async fn open(database: Database) -> anyhow::Result<Self> {
        let client = database.client("").await?;
        let records: Vec<_> = schemas::all().collect();
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

    /// The id of the schema with a fingerprint.
    pub(super) async fn id(&self, fingerprint: i64) -> anyhow::Result<i32> {
        if let Some(id) = self.known(fingerprint) {
            return Ok(id);
        }
        self.refresh().await?;
        self.known(fingerprint).with_context(|| format!("no schema has the fingerprint {fingerprint}"))
    }

    /// The text of the schema with an id; none when there is no such id.
    pub(super) async fn text(&self, id: i32) -> anyhow::Result<Option<String>> {
        let client = self.database.client("").await?;
        let row = client.query_opt("SELECT text FROM schemas WHERE id = $1", &[&id]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The name and the text of the schema with a fingerprint: one that an older version wrote with, too.
    pub(super) async fn named(&self, fingerprint: i64) -> anyhow::Result<(String, String)> {
        let client = self.database.client("").await?;
        let row = client.query_opt("SELECT name, text FROM schemas WHERE fingerprint = $1", &[&fingerprint]).await?;
        let row = row.with_context(|| format!("no schema has the fingerprint {fingerprint}"))?;
        Ok((row.get(0), row.get(1)))
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
