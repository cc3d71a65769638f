//! Reads the log, and stops the relay at a gap.

use super::envelope::{LogEntry, READ};
use crate::infrastructure::postgres::LAST_SEQ;
use anyhow::bail;
use std::sync::Arc;
use tokio_postgres::{Client, Statement};

/// The most messages that are read at once.
pub(super) const MAX_ROWS: i64 = 2_000;

/// The most bytes of bodies that are read at once. A larger body is read alone.
const MAX_BYTES: i64 = 4_000_000;

/// Reads the log on the connection of the lease. Its queries are pipelined with others on that connection.
pub(super) struct LogReader {
    client: Arc<Client>,
    read: Statement,
}

impl LogReader {
    pub(super) async fn open(client: Arc<Client>) -> anyhow::Result<Self> {
        client.batch_execute("SET plan_cache_mode = force_generic_plan").await?;
        let read = client.prepare(READ).await?;
        Ok(Self { client, read })
    }

    /// Checks the cursor against the end of the log.
    ///
    /// # Errors
    ///
    /// The cursor is beyond the log: the log was lost, or an older one was restored. An operator must look at it.
    pub(super) async fn check_cursor(&self, cursor: i64) -> anyhow::Result<()> {
        let last: i64 = self.client.query_one(LAST_SEQ, &[]).await?.get(0);
        if cursor > last {
            bail!("the cursor stands at {cursor}, but the log ends at {last}");
        }
        Ok(())
    }

    /// Reads at most `rows` messages, with exactly the numbers that follow `cursor`.
    ///
    /// # Errors
    ///
    /// Among others, a gap in the numbers.
    pub(super) async fn read_after(&self, cursor: i64, rows: i64) -> anyhow::Result<Vec<LogEntry>> {
        let rows = self.client.query(&self.read, &[&cursor, &rows, &MAX_BYTES]).await?;
        let entries: Vec<LogEntry> = rows.into_iter().map(LogEntry::from).collect();
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
    async fn a_batch_is_limited_in_bytes_and_a_larger_body_is_read_alone() {
        let test = TestDatabase::engine().await;
        let database = test.context("engine").unwrap();
        let client = database.client("").await.unwrap();
        let rows = "CREATE TABLE rows PARTITION OF outbox FOR VALUES FROM (1) TO (1000); \
                    INSERT INTO outbox SELECT n, gen_random_uuid(), 't', 't', 'k', n, now(), '', NULL, NULL, 0, \
                    decode(repeat('00', CASE n WHEN 11 THEN 5000000 ELSE 900000 END), 'hex') FROM generate_series(1, 20) n";
        client.batch_execute(rows).await.unwrap();
        let reader = LogReader::open(Arc::new(client)).await.unwrap();
        let (mut cursor, mut batches) = (0, Vec::new());
        while cursor < 20 {
            let read = reader.read_after(cursor, MAX_ROWS).await.unwrap();
            cursor = read.last().unwrap().seq();
            batches.push(read.len());
        }
        assert_eq!(batches, [4, 4, 2, 1, 4, 4, 1]);
        assert_eq!(reader.read_after(0, 2).await.unwrap().len(), 2);
    }
}
