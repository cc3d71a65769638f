//! Reads the log, exactly.

use super::envelope::{Entry, READ};
use crate::infrastructure::postgres::LAST;
use anyhow::bail;
use std::sync::Arc;
use tokio_postgres::{Client, Statement};

/// How many messages are published at once.
const BATCH: i64 = 2_000;

/// Reads the log, on the connection that holds the lease: what is asked there meanwhile is pipelined.
pub(super) struct Reader {
    client: Arc<Client>,
    read: Statement,
}

impl Reader {
    pub(super) async fn open(client: Arc<Client>) -> anyhow::Result<Self> {
        client.batch_execute("SET plan_cache_mode = force_generic_plan").await?;
        let read = client.prepare(READ).await?;
        Ok(Self { client, read })
    }

    /// A cursor beyond the log means that the log was lost, or another one restored: nothing is relayed until somebody
    /// has looked at it.
    pub(super) async fn check(&self, cursor: i64) -> anyhow::Result<()> {
        let last: i64 = self.client.query_one(LAST, &[]).await?.get(0);
        if cursor > last {
            bail!("the cursor stands at {cursor}, but the log ends at {last}");
        }
        Ok(())
    }

    /// The next batch: exactly the numbers that follow. A hole stops the relay.
    pub(super) async fn after(&self, cursor: i64) -> anyhow::Result<Vec<Entry>> {
        let rows = self.client.query(&self.read, &[&cursor, &BATCH]).await?;
        let entries: Vec<Entry> = rows.into_iter().map(Entry::from).collect();
        for (expected, entry) in (cursor + 1..).zip(&entries) {
            if entry.seq() != expected {
                bail!("the log has a hole: number {expected} is missing before {}", entry.seq());
            }
        }
        Ok(entries)
    }
}
