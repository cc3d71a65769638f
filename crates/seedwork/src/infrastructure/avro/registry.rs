//! Which id the readers of this broker know a schema by.

use crate::infrastructure::postgres::Database;
use anyhow::Context as _;
use apache_avro::Schema;
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

/// The table `schemas`: the registry when there is no other.
#[derive(Clone)]
pub struct Registry {
    database: Database,
    ids: Arc<RwLock<HashMap<i64, i32>>>,
}

impl Registry {
    /// The registry in the broker's schema of a database; every record that is compiled in is given its id.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn open(database: Database) -> anyhow::Result<Self> {
        let client = database.client("").await?;
        let records: Vec<_> = super::all().collect();
        let fingerprints: Vec<i64> = records.iter().map(|record| record.fingerprint).collect();
        let names: Vec<&str> = records.iter().map(|record| record.name).collect();
        let texts: Vec<&str> = records.iter().map(|record| record.text).collect();
        client.batch_execute("BEGIN; LOCK TABLE schemas IN SHARE ROW EXCLUSIVE MODE").await?;
        client.execute(REGISTER, &[&fingerprints, &names, &texts]).await?;
        client.batch_execute("COMMIT").await?;
        let registry = Self { database, ids: Arc::default() };
        registry.refresh().await?;
        Ok(registry)
    }

    /// The id of the schema with a fingerprint.
    ///
    /// # Errors
    ///
    /// The database does not answer, or the schema was never registered.
    pub async fn id(&self, fingerprint: i64) -> anyhow::Result<i32> {
        if let Some(id) = self.known(fingerprint) {
            return Ok(id);
        }
        self.refresh().await?;
        self.known(fingerprint).with_context(|| format!("no schema has the fingerprint {fingerprint}"))
    }

    /// The schema with an id; none when there is no such id.
    ///
    /// # Errors
    ///
    /// The database does not answer, or what it keeps is no schema.
    pub async fn schema(&self, id: i32) -> anyhow::Result<Option<Schema>> {
        let client = self.database.client("").await?;
        let row = client.query_opt("SELECT text FROM schemas WHERE id = $1", &[&id]).await?;
        row.map(|row| Ok(Schema::parse_str(row.get(0))?)).transpose()
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
