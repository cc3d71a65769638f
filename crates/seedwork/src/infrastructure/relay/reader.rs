//! Reads the log, exactly.

use super::envelope::{Entry, READ};
use crate::infrastructure::postgres::LAST;
use anyhow::bail;
use std::sync::Arc;
use tokio_postgres::{Client, Statement};

/// The most messages that are read at once.
pub(super) const ROWS: i64 = 2_000;

/// The most bytes of bodies that are read at once; a larger body comes alone.
pub(super) const BYTES: i64 = 4_000_000;

/// Reads the log on the connection that holds the lease. Its queries are pipelined with others on that connection.
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

    /// Reads at most `rows` messages, with exactly the numbers that follow `cursor`. A hole is an error and stops the
    /// relay.
    pub(super) async fn after(&self, cursor: i64, rows: i64) -> anyhow::Result<Vec<Entry>> {
        let rows = self.client.query(&self.read, &[&cursor, &rows, &BYTES]).await?;
        let entries: Vec<Entry> = rows.into_iter().map(Entry::from).collect();
        for (expected, entry) in (cursor + 1..).zip(&entries) {
            if entry.seq() != expected {
                bail!("the log has a hole: number {expected} is missing before {}", entry.seq());
            }
        }
        Ok(entries)
    }
}

#[cfg(all(test, feature = "testing-postgres"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_read_at_once_is_bounded_in_bytes_and_a_larger_body_comes_alone() {
        let test = TestDatabase::pruebas().await;
        let database = test.context("pruebas").unwrap();
        let client = database.client("").await.unwrap();
        let rows = "CREATE TABLE rows PARTITION OF outbox FOR VALUES FROM (1) TO (1000); \
                    INSERT INTO outbox SELECT n, gen_random_uuid(), 't', 't', 'k', n, now(), '', NULL, NULL, 0, \
                    decode(repeat('00', CASE n WHEN 11 THEN 5000000 ELSE 900000 END), 'hex') FROM generate_series(1, 20) n";
        client.batch_execute(rows).await.unwrap();
        let reader = Reader::open(Arc::new(client)).await.unwrap();
        let (mut cursor, mut batches) = (0, Vec::new());
        while cursor < 20 {
            let read = reader.after(cursor, ROWS).await.unwrap();
            cursor = read.last().unwrap().seq();
            batches.push(read.len());
        }
        assert_eq!(batches, [4, 4, 2, 1, 4, 4, 1]);
        assert_eq!(reader.after(0, 2).await.unwrap().len(), 2);
    }
}
