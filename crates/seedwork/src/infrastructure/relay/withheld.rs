//! Withheld messages: those that the broker rejects for good, and the later ones of the same keys, to keep their order.
//!
//! | key | event | next state | durable fact |
//! |---|---|---|---|
//! | published | the broker rejects a message for good | withheld | a row in `withheld` |
//! | withheld | a further message of the key is read | withheld | a row in `withheld` |
//! | withheld | an operator publishes the rows and deletes them | published, after the next start | no row |

use super::envelope::LogEntry;
use std::collections::HashSet;
use tokio_postgres::{Client, Error};

const KEYS: &str = "SELECT DISTINCT topic, key FROM withheld";

const INSERT: &str = "\
    INSERT INTO withheld (seq, topic, key, reason) SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[]) \
    ON CONFLICT (seq) DO NOTHING";

/// The topics and keys that have withheld messages.
pub(super) struct Withheld(HashSet<(String, String)>);

impl Withheld {
    /// Loads the keys that earlier relays withheld.
    pub(super) async fn load(client: &Client) -> Result<Self, Error> {
        let rows = client.query(KEYS, &[]).await?;
        Ok(Self(rows.iter().map(|row| (row.get(0), row.get(1))).collect()))
    }

    /// Returns true if an earlier message of the same key is withheld.
    pub(super) fn contains_key_of(&self, entry: &LogEntry) -> bool {
        !self.0.is_empty() && self.0.contains(&(entry.topic().to_owned(), entry.key().to_owned()))
    }

    /// Stores messages as withheld, before the cursor passes them. Returns the number of those that were not stored
    /// before.
    pub(super) async fn insert(&mut self, client: &Client, entries: &[&LogEntry], reason: &str) -> Result<u64, Error> {
        if entries.is_empty() {
            return Ok(0);
        }
        let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq()).collect();
        let (topics, keys): (Vec<&str>, Vec<&str>) = entries.iter().map(|entry| (entry.topic(), entry.key())).unzip();
        let reasons = vec![reason; entries.len()];
        let new = client.execute(INSERT, &[&seqs, &topics, &keys, &reasons]).await?;
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
