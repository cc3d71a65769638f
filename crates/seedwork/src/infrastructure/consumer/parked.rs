//! Parked messages: the first one of each key, its head, is retried from the table `parked`; its successors follow.
//!
//! | parked message | event | next state | durable fact |
//! |---|---|---|---|
//! | behind | the head is handled and deleted | head | `head`, set by a trigger in the same transaction |
//! | head | `due_at` passes | retrying | none: an attempt cut off by a crash is not counted |
//! | retrying | the attempt succeeds | gone | the row is deleted in the commit of the effect |
//! | retrying | a transient failure or no subscription, before the tenth attempt | head, due later | `tries` and `due_at` |
//! | retrying | no database or no registry | head, due in a second | `due_at` |
//! | retrying | a permanent failure, or any at the tenth attempt | dead: left to an operator | `dead` and `reason` |

use super::{
    headers,
    parked_retries::ParkedRetries,
    positions::names,
    received_message::{ParkedRow, ReceivedMessage},
    subscriptions::Outcome,
};
use crate::infrastructure::broker::{Delivery, Partition};
use std::time::Duration;
use tokio_postgres::{Client, Error, Row, Statement};

/// The number of failed attempts after which a parked message is dead.
pub(super) const MAX_ATTEMPTS: i32 = 10;
/// The delay before the first retry of a parked message. It doubles with each attempt.
pub(super) const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The delay after an attempt for which the database or the registry was unavailable.
const UNAVAILABLE_DELAY: Duration = Duration::from_secs(1);
/// Finds the heads that are due and not being retried, the longest due first. It follows an index for each partition,
/// so its cost does not depend on the number of parked messages. Sizes are known without reading the values.
const DUE: &str = "\
    SELECT p.n, p.topic, p.partition, p.\"offset\", p.key, p.headers, p.value, p.tries FROM \
    (SELECT h.n, row_number() OVER w AS place, sum(h.bytes) OVER w AS bytes \
    FROM unnest($1::text[], $2::int4[]) AS r (topic, partition) CROSS JOIN LATERAL \
    (SELECT h.n, h.due_at, octet_length(h.headers) + coalesce(octet_length(h.value), 0) AS bytes FROM parked h \
    WHERE h.topic = r.topic AND h.partition = r.partition AND h.head AND NOT h.dead AND h.due_at <= now() \
    AND h.n <> ALL ($3::int8[]) ORDER BY h.due_at LIMIT $4) h \
    WINDOW w AS (ORDER BY h.due_at, h.n ROWS UNBOUNDED PRECEDING)) due JOIN parked p ON p.n = due.n \
    WHERE due.place = 1 OR due.place <= $4 AND due.bytes <= $5 ORDER BY due.place";

/// Finds the new head of a key after its head was handled, due or not.
const SUCCESSOR: &str = "\
    SELECT n, topic, partition, \"offset\", key, headers, value, tries, dead FROM parked \
    WHERE topic = $1 AND key = $2 AND n > $3 ORDER BY n LIMIT 1";

const RECORD_FAILURE: &str = "\
    UPDATE parked SET tries = tries + 1, due_at = now() + make_interval(secs => $2), dead = $3, reason = $4 WHERE n = $1";

const POSTPONE: &str = "UPDATE parked SET due_at = now() + make_interval(secs => $2) WHERE n = $1";

/// The prepared search for messages that are due.
pub(super) struct DueQuery(Statement);

impl DueQuery {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self(client.prepare(DUE).await?))
    }

    /// Returns the messages that are due in `partitions`, except those that are being retried.
    pub(super) async fn find(
        &self,
        client: &Client,
        partitions: &[Partition],
        retries: &ParkedRetries,
    ) -> anyhow::Result<Vec<ReceivedMessage>> {
        let (messages, bytes) = retries.limit.remaining();
        if partitions.is_empty() || messages == 0 || bytes == 0 {
            return Ok(Vec::new());
        }
        let (messages, bytes) = (i64::try_from(messages)?, i64::try_from(bytes)?);
        let (topics, numbers) = names(partitions.iter());
        let rows = client.query(&self.0, &[&topics, &numbers, &retries.in_progress(), &messages, &bytes]).await?;
        rows.iter().map(|row| message(row, retries)).collect()
    }
}

/// The parked message after one of the same key.
pub(super) enum Successor {
    /// It is retried at once.
    Ready(Box<ReceivedMessage>),
    /// A later search finds it, or it is dead.
    Deferred,
    /// No message of the key is parked any more.
    None,
}

/// Returns the successor of a message that was handled.
pub(super) async fn successor(
    client: &Client,
    handled: ReceivedMessage,
    retries: &ParkedRetries,
) -> anyhow::Result<Successor> {
    let ReceivedMessage { delivery, parked: Some(ParkedRow { n, .. }), .. } = handled else {
        return Ok(Successor::None);
    };
    let Delivery { partition, key: Some(key), .. } = delivery else { return Ok(Successor::None) };
    let _lock = retries.successor_lock.lock().await;
    if retries.limit.remaining().1 == 0 {
        return Ok(Successor::Deferred);
    }
    match client.query_opt(SUCCESSOR, &[&&*partition.topic, &key, &n]).await? {
        None => Ok(Successor::None),
        Some(row) if row.get::<_, bool>(8) => Ok(Successor::Deferred),
        Some(row) => Ok(Successor::Ready(Box::new(message(&row, retries)?))),
    }
}

fn message(row: &Row, retries: &ParkedRetries) -> anyhow::Result<ReceivedMessage> {
    let partition = Partition { topic: row.get::<_, &str>(1).into(), number: row.get(2) };
    let headers = headers::from_json(row.get(5))?;
    let delivery =
        Delivery { partition, offset: row.get(3), key: row.get(4), headers, value: row.get(6), defect: None };
    let permit = retries.limit.admit(delivery.bytes());
    Ok(ReceivedMessage { delivery, permit, parked: Some(ParkedRow { n: row.get(0), attempts: row.get(7) }) })
}

/// Stores the failure of an attempt to handle a parked message.
pub(super) async fn record_failure(client: &Client, parked: ParkedRow, outcome: Outcome) -> anyhow::Result<()> {
    let (is_permanent, reason) = match outcome {
        Outcome::Permanent(reason) => (true, reason),
        Outcome::Transient(reason) | Outcome::Raced(reason) => (false, reason),
        Outcome::Unhandled(kind) => (false, format!("no subscription to {kind}")),
        Outcome::Unavailable(_) => {
            client.execute(POSTPONE, &[&parked.n, &UNAVAILABLE_DELAY.as_secs_f64()]).await?;
            return Ok(());
        }
        Outcome::Handled | Outcome::Behind => return Ok(()),
    };
    let attempts = parked.attempts + 1;
    let dead = is_permanent || attempts >= MAX_ATTEMPTS;
    tracing::warn!(parked.n, attempts, dead, reason, "a parked message could not be handled");
    let delay = backoff(attempts).as_secs_f64();
    client.execute(RECORD_FAILURE, &[&parked.n, &delay, &dead, &storable(&reason)]).await?;
    Ok(())
}

/// Returns the delay after a number of failed attempts.
fn backoff(attempts: i32) -> Duration {
    FIRST_DELAY * 2_u32.saturating_pow(attempts.clamp(0, 12).unsigned_abs())
}

/// Returns a reason as PostgreSQL can store it: at most 1,000 characters, none of them NUL.
pub(super) fn storable(reason: &str) -> String {
    reason.chars().filter(|letter| *letter != '\0').take(1_000).collect()
}

#[cfg(all(test, feature = "testing-postgres"))]
#[expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod tests {
    use super::*;
    use crate::{
        infrastructure::consumer::{maintenance::SESSION, parked_retries},
        testing::TestDatabase,
    };
    use tokio::time::Instant;

    const PARK: &str = "\
        INSERT INTO parked (source, id, topic, partition, \"offset\", key, headers, parked_at, tries, due_at, dead, reason) \
        SELECT '/p', n::text, 't', n % 6, n,";

    /// Returns the messages that a search finds, and the duration of the fastest of 20.
    async fn search(database: &TestDatabase) -> (Vec<ReceivedMessage>, Duration) {
        let client = database.context("engine").unwrap().client(SESSION).await.unwrap();
        let partitions: Vec<_> = (0..6).map(|number| Partition { topic: "t".into(), number }).collect();
        let (due, retries) = (DueQuery::prepare(&client).await.unwrap(), ParkedRetries::new());
        let (mut found, mut fastest) = (Vec::new(), Duration::MAX);
        for _ in 0..20 {
            let began = Instant::now();
            drop(found);
            found = due.find(&client, &partitions, &retries).await.unwrap();
            fastest = fastest.min(began.elapsed());
        }
        (found, fastest)
    }

    async fn park(database: &TestDatabase, rows: &str) {
        let client = database.context("engine").unwrap().client("SET statement_timeout = 0").await.unwrap();
        client.batch_execute(&format!("{PARK} {rows}")).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_search_for_due_messages_is_fast_however_many_of_a_key_are_parked() {
        let database = TestDatabase::engine().await;
        // The head of key `a` is dead, although its successors are due. The head of key `b` is due.
        park(&database, "'a', '[]', now(), 0, now(), n = 1, '' FROM generate_series(1, 200000) n").await;
        park(&database, "'b', '[]', now(), 0, now(), false, '' FROM generate_series(200001, 200002) n").await;
        let (found, fastest) = search(&database).await;
        let offsets: Vec<_> = found.iter().map(|message| message.delivery.offset).collect();
        assert_eq!(offsets, [200_001], "the one head that is due and not dead");
        assert!(fastest <= Duration::from_millis(10), "a search takes {fastest:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_search_for_due_messages_is_fast_however_many_keys_are_parked() {
        let database = TestDatabase::engine().await;
        park(&database, "n::text::bytea, '[]', now(), 0, now(), false, '' FROM generate_series(1, 200000) n").await;
        let (found, fastest) = search(&database).await;
        assert_eq!(found.len(), parked_retries::MAX_MESSAGES);
        assert!(fastest <= Duration::from_millis(10), "a search takes {fastest:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_search_for_due_messages_is_bounded_in_bytes() {
        let database = TestDatabase::engine().await;
        park(&database, "n::text::bytea, '[]', now(), 0, now(), false, '' FROM generate_series(1, 20) n").await;
        let client = database.context("engine").unwrap().client("SET statement_timeout = 0").await.unwrap();
        client.batch_execute("UPDATE parked SET value = decode(repeat('00', 1000000), 'hex')").await.unwrap();
        assert_eq!(search(&database).await.0.len(), 4);
        client
            .batch_execute("UPDATE parked SET value = decode(repeat('00', 5000000), 'hex') WHERE n = 1")
            .await
            .unwrap();
        client.batch_execute("UPDATE parked SET due_at = now() - interval '1 minute' WHERE n = 1").await.unwrap();
        assert_eq!(search(&database).await.0.len(), 1, "one message is read whatever its size");
    }
}
