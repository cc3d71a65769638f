//! The partitions of the log and of the inbox. Each is created as a separate table with a `CHECK` on its bounds, and
//! then attached. So nothing is scanned, and the lock on the parent lets writers and readers pass.

use tokio_postgres::{Client, Error};

/// Selects the end of the log's last partition from PostgreSQL's catalog. The query waits for no lock.
pub(crate) const UNTIL: &str = "\
    SELECT coalesce(max(substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \\(''(\\d+)''\\)')::int8), 1) - 1 \
    FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid WHERE inhparent = 'outbox'::regclass";

/// Returns the highest number for which the log has a partition.
pub(super) async fn until(client: &Client) -> Result<i64, Error> {
    Ok(client.query_one(UNTIL, &[]).await?.get(0))
}

/// Attaches a partition of `rows` numbers to the log, unless another process has made one beyond `known`. Returns the
/// highest number for which the log has a partition. After an error the connection must be dropped.
pub(super) async fn extend(client: &Client, schema: &str, known: i64, rows: i64) -> Result<i64, Error> {
    begin(client, schema).await?;
    let mut end = until(client).await?;
    if end <= known {
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

/// The number of days for which the inbox has partitions ahead.
const DAYS: i32 = 4;

/// Selects the days, from today on, for which the inbox has no partition.
const MISSING_DAYS: &str = "\
    SELECT to_char(day, 'YYYYMMDD'), to_char(day, 'YYYY-MM-DD'), to_char(day + interval '1 day', 'YYYY-MM-DD') \
    FROM generate_series(date_trunc('day', now(), 'UTC'), date_trunc('day', now(), 'UTC') + make_interval(days => $1), '1 day') \
    AS day WHERE NOT EXISTS (SELECT FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid \
    WHERE inhparent = 'inbox'::regclass AND part.relname = 'inbox_' || to_char(day, 'YYYYMMDD'))";

/// Attaches the missing partitions of the inbox for the next days. After an error the connection must be dropped.
pub(super) async fn extend_inbox(client: &Client, schema: &str) -> Result<(), Error> {
    if client.query(MISSING_DAYS, &[&DAYS]).await?.is_empty() {
        return Ok(());
    }
    begin(client, schema).await?;
    for row in client.query(MISSING_DAYS, &[&DAYS]).await? {
        let (name, first, next): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let attach = format!(
            "CREATE TABLE inbox_{name} (LIKE inbox INCLUDING ALL, CHECK (at >= '{first}Z' AND at < '{next}Z')); \
             ALTER TABLE inbox ATTACH PARTITION inbox_{name} FOR VALUES FROM ('{first}Z') TO ('{next}Z')"
        );
        client.batch_execute(&attach).await?;
    }
    client.batch_execute("COMMIT").await
}

/// Begins a transaction in which one process at a time makes partitions. Commits go on: the context's commit lock is
/// not taken.
async fn begin(client: &Client, schema: &str) -> Result<(), Error> {
    let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('sta/partitions/{schema}', 0))");
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {lock}")).await
}
