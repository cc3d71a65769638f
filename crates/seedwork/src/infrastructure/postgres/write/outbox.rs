//! The outbox: a context's log of published messages, numbered without gaps in the order of the commits.

use crate::{application::Cause, domain::Timestamp, infrastructure::postgres::tables::row::Param};
use std::sync::Arc;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// A message of a unit of work that is not yet committed.
#[derive(Debug, Clone)]
pub(super) struct OutboxMessage {
    pub(super) id: Uuid,
    pub(super) topic: &'static str,
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) aggregate_version: Option<i64>,
    pub(super) time: Timestamp,
    pub(super) cause: Arc<Cause>,
    pub(super) fingerprint: i64,
    pub(super) body: Vec<u8>,
}

impl OutboxMessage {
    /// Returns its size in memory in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.capacity() + self.body.capacity()
    }
}

/// Appends messages, and returns the number before the first of them. The first parameter is the highest number that
/// the session has seen. It limits the search for the last number to the partitions that can hold it.
///
/// It must run under the context's commit lock: then no other session numbers messages, and a rollback leaves no gap.
pub(super) const APPEND: &str = "\
    WITH last AS MATERIALIZED (SELECT greatest(max(seq), $1::int8) AS seq FROM outbox WHERE seq > $1::int8), \
    written AS (INSERT INTO outbox (seq, id, topic, type, key, aggregate_version, time, correlation_id, causation_id, \
    traceparent, fingerprint, body) \
    SELECT last.seq + r.n, r.id, r.topic, r.type, r.key, r.aggregate_version, r.time, r.correlation_id, r.causation_id, \
    r.traceparent, r.fingerprint, r.body \
    FROM last, unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::timestamptz[], $8::text[], \
    $9::text[], $10::text[], $11::int8[], $12::bytea[]) WITH ORDINALITY \
    AS r (id, topic, type, key, aggregate_version, time, correlation_id, causation_id, traceparent, fingerprint, body, n)) \
    SELECT seq FROM last";

/// Returns the parameters of [`APPEND`].
pub(super) fn append<'a>(seen: i64, messages: impl Iterator<Item = &'a OutboxMessage> + Clone) -> Vec<Param<'a>> {
    fn column<'a, T: ToSql + Send + Sync + 'a>(
        messages: impl Iterator<Item = &'a OutboxMessage>,
        of: impl FnMut(&'a OutboxMessage) -> T,
    ) -> Param<'a> {
        Box::new(messages.map(of).collect::<Vec<T>>())
    }
    let all = || messages.clone();
    vec![
        Box::new(seen),
        column(all(), |message| message.id),
        column(all(), |message| message.topic),
        column(all(), |message| message.kind),
        column(all(), |message| message.key.as_str()),
        column(all(), |message| message.aggregate_version),
        column(all(), |message| message.time),
        column(all(), |message| message.cause.correlation_id.as_str()),
        column(all(), |message| message.cause.causation_id.as_deref()),
        column(all(), |message| message.cause.traceparent.as_deref()),
        column(all(), |message| message.fingerprint),
        column(all(), |message| message.body.as_slice()),
    ]
}

/// Selects the last number of the log.
pub(crate) const LAST_SEQ: &str = "SELECT greatest((SELECT max(seq) FROM outbox), (SELECT seq FROM outbox_head), 0)";

/// Selects the message with this number and id. A row means that the COMMIT was done.
pub(super) const HAS: &str = "SELECT 1 FROM outbox WHERE seq = $1 AND id = $2";

#[cfg(all(test, feature = "testing-postgres"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[tokio::test(flavor = "multi_thread")]
    async fn numbering_opens_only_the_partitions_that_can_hold_the_last_number() {
        let database = TestDatabase::engine().await;
        let client =
            database.context("engine").unwrap().client("SET plan_cache_mode = force_generic_plan").await.unwrap();
        let mut partitions = String::new();
        for n in 0..300 {
            partitions += &format!("CREATE TABLE p{n} PARTITION OF outbox FOR VALUES FROM ({n}001) TO ({n}999);");
        }
        client.batch_execute(&format!("{partitions} PREPARE append AS {APPEND}")).await.unwrap();
        let nothing = ["'{}'"; 11].join(", ");
        let plan = client.query(&format!("EXPLAIN EXECUTE append(298500, {nothing})"), &[]).await.unwrap();
        let removed = plan.iter().any(|row| row.get::<_, &str>(0).contains("Subplans Removed: 298"));
        assert!(removed, "{plan:?}");
    }
}
