//! What is not sent: messages that the broker refuses for good, and those of the same key that follow.

use super::envelope::Entry;
use std::collections::HashSet;
use tokio_postgres::{Client, Error};

const KEYS: &str = "SELECT DISTINCT topic, key FROM withheld";

const NOTE: &str = "\
    INSERT INTO withheld (seq, topic, key, reason) SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[]) \
    ON CONFLICT (seq) DO NOTHING";

/// The keys that something is withheld of.
pub(super) struct Withheld(HashSet<(String, String)>);

impl Withheld {
    /// As earlier relays left it.
    pub(super) async fn load(client: &Client) -> Result<Self, Error> {
        let rows = client.query(KEYS, &[]).await?;
        Ok(Self(rows.iter().map(|row| (row.get(0), row.get(1))).collect()))
    }

    /// Whether an earlier message of the same key is withheld.
    pub(super) fn precedes(&self, entry: &Entry) -> bool {
        !self.0.is_empty() && self.0.contains(&(entry.topic().to_owned(), entry.key().to_owned()))
    }

    /// Notes messages as withheld, durably, before the cursor moves beyond them. They may have been noted before.
    /// Returns the number of new ones.
    pub(super) async fn note(&mut self, client: &Client, entries: &[&Entry], reason: &str) -> Result<u64, Error> {
        if entries.is_empty() {
            return Ok(0);
        }
        let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq()).collect();
        let (topics, keys): (Vec<&str>, Vec<&str>) = entries.iter().map(|entry| (entry.topic(), entry.key())).unzip();
        let reasons = vec![reason; entries.len()];
        let new = client.execute(NOTE, &[&seqs, &topics, &keys, &reasons]).await?;
        for entry in entries {
            tracing::error!(
                seq = entry.seq(),
                topic = entry.topic(),
                key = entry.key(),
                reason,
                "a message is withheld"
            );
            self.0.insert((entry.topic().to_owned(), entry.key().to_owned()));
        }
        Ok(new)
    }
}
