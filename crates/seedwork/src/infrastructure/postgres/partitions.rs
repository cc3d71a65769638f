//! The partitions of the log: made standalone and attached, so that neither writers nor readers wait for it.

use tokio_postgres::{Client, Error};

/// The end of the last partition, from the bounds that PostgreSQL keeps.
const UNTIL: &str = "\
    SELECT coalesce(max(substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \\(''(\\d+)''\\)')::int8), 1) - 1 \
    FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid WHERE inhparent = 'outbox'::regclass";

/// The highest number that the partitions have room for.
pub(super) async fn until(client: &Client) -> Result<i64, Error> {
    Ok(client.query_one(UNTIL, &[]).await?.get(0))
}

/// Attaches partitions of `rows` numbers until there is one more than those up to `needed` fill; answers where they end.
pub(super) async fn extend(client: &Client, schema: &str, needed: i64, rows: i64) -> Result<i64, Error> {
    // Processes take turns. The context's commit lock is not taken: commits go on.
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(hashtextextended('sta/partitions/{schema}', 0))"
    );
    client.batch_execute(&begin).await?;
    let mut end = until(client).await?;
    while end < needed.saturating_add(rows) {
        let (first, next) = (end + 1, end + 1 + rows);
        let attach = format!(
            "CREATE TABLE outbox_{first} (LIKE outbox INCLUDING ALL, CHECK (seq >= {first} AND seq < {next})); \
             ALTER TABLE outbox ATTACH PARTITION outbox_{first} FOR VALUES FROM ({first}) TO ({next})"
        );
        client.batch_execute(&attach).await?;
        end = next - 1;
    }
    client.batch_execute("COMMIT").await?;
    Ok(end)
}
