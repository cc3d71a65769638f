//! Messages that were set aside: the heads of their keys are tried again from the table, their successors follow.

use super::{headers, message::Message, positions::names, subscriptions::Outcome, trying::Trying};
use crate::infrastructure::broker::{Delivery, Partition};
use std::time::Duration;
use tokio_postgres::{Client, Error, Row, Statement};

/// How often a parked message is tried before it is left to an operator.
pub(super) const TRIES: i32 = 10;
/// How long until a parked message is tried for the first time; twice as long each time after that.
pub(super) const FIRST: Duration = Duration::from_secs(1);
/// The pause after a try that says nothing about the message.
const LATER: Duration = Duration::from_secs(1);
/// The heads of their keys that are due and not tried already, the longest due first: those of each partition in the order
/// of their index, however many others are parked. Sizes are known without reading the values.
const DUE: &str = "\
    SELECT p.n, p.topic, p.partition, p.\"offset\", p.key, p.headers, p.value, p.tries FROM \
    (SELECT h.n, row_number() OVER w AS place, sum(h.bytes) OVER w AS bytes \
    FROM unnest($1::text[], $2::int4[]) AS r (topic, partition) CROSS JOIN LATERAL \
    (SELECT h.n, h.due_at, octet_length(h.headers) + coalesce(octet_length(h.value), 0) AS bytes FROM parked h \
    WHERE h.topic = r.topic AND h.partition = r.partition AND h.head AND NOT h.dead AND h.due_at <= now() \
    AND h.n <> ALL ($3::int8[]) ORDER BY h.due_at LIMIT $4) h \
    WINDOW w AS (ORDER BY h.due_at, h.n ROWS UNBOUNDED PRECEDING)) due JOIN parked p ON p.n = due.n \
    WHERE due.place = 1 OR due.place <= $4 AND due.bytes <= $5 ORDER BY due.place";

/// Finds the message after one that has just been handled, due or not: the new head of its key.
const NEXT: &str = "\
    SELECT n, topic, partition, \"offset\", key, headers, value, tries, dead FROM parked \
    WHERE topic = $1 AND key = $2 AND n > $3 ORDER BY n LIMIT 1";

const AGAIN: &str = "\
    UPDATE parked SET tries = tries + 1, due_at = now() + make_interval(secs => $2), dead = $3, reason = $4 WHERE n = $1";

const POSTPONE: &str = "UPDATE parked SET due_at = now() + make_interval(secs => $2) WHERE n = $1";

/// The statement that finds what is due, prepared.
pub(super) struct Due(Statement);

impl Due {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self(client.prepare(DUE).await?))
    }

    /// The messages that are due in the partitions that are heard here, except those that are being tried.
    pub(super) async fn find(
        &self,
        client: &Client,
        partitions: &[Partition],
        trying: &Trying,
    ) -> anyhow::Result<Vec<Message>> {
        let (messages, bytes) = trying.window.left();
        if partitions.is_empty() || messages == 0 || bytes == 0 {
            return Ok(Vec::new());
        }
        let (messages, bytes) = (i64::try_from(messages)?, i64::try_from(bytes)?);
        let (topics, numbers) = names(partitions.iter());
        let rows = client.query(&self.0, &[&topics, &numbers, &trying.all(), &messages, &bytes]).await?;
        rows.iter().map(|row| message(row, trying)).collect()
    }
}

/// The next parked message of a key.
pub(super) enum Next {
    /// It is to be tried at once.
    Message(Box<Message>),
    /// A later round finds it, or an operator.
    Later,
    /// Nothing of the key is parked any more.
    None,
}

/// Returns what follows a message that has just been handled.
pub(super) async fn after(client: &Client, handled: Message, trying: &Trying) -> anyhow::Result<Next> {
    let Message { delivery: Delivery { partition, key: Some(key), .. }, parked: Some((n, _)), .. } = handled else {
        return Ok(Next::None);
    };
    let _turn = trying.turn.lock().await;
    if trying.window.left().1 == 0 {
        return Ok(Next::Later);
    }
    match client.query_opt(NEXT, &[&&*partition.topic, &key, &n]).await? {
        None => Ok(Next::None),
        Some(row) if row.get::<_, bool>(8) => Ok(Next::Later),
        Some(row) => Ok(Next::Message(Box::new(message(&row, trying)?))),
    }
}

fn message(row: &Row, trying: &Trying) -> anyhow::Result<Message> {
    let partition = Partition { topic: row.get::<_, &str>(1).into(), number: row.get(2) };
    let headers = headers::from_json(row.get(5))?;
    let delivery =
        Delivery { partition, offset: row.get(3), key: row.get(4), headers, value: row.get(6), defect: None };
    let room = trying.window.enter(delivery.bytes());
    Ok(Message { delivery, room, parked: Some((row.get(0), row.get(7))) })
}

/// Notes that a parked message could not be handled again.
pub(super) async fn failed(client: &Client, n: i64, tries: i32, outcome: Outcome) -> anyhow::Result<()> {
    let (hopeless, reason) = match outcome {
        Outcome::Hopeless(reason) => (true, reason),
        Outcome::Failed(reason) | Outcome::Raced(reason) => (false, reason),
        Outcome::Unheard(kind) => (false, format!("no subscription to {kind}")),
        Outcome::Later(_) => {
            client.execute(POSTPONE, &[&n, &LATER.as_secs_f64()]).await?;
            return Ok(());
        }
        Outcome::Done | Outcome::Behind => return Ok(()),
    };
    let dead = hopeless || tries + 1 >= TRIES;
    tracing::warn!(parked.n = n, tries = tries + 1, dead, reason, "a parked message could not be handled");
    client.execute(AGAIN, &[&n, &pause(tries + 1).as_secs_f64(), &dead, &text(&reason)]).await?;
    Ok(())
}

/// The pause after so many tries.
pub(super) fn pause(tries: i32) -> Duration {
    FIRST * 2_u32.saturating_pow(tries.clamp(0, 12).unsigned_abs())
}

/// A reason that PostgreSQL can keep.
pub(super) fn text(reason: &str) -> String {
    reason.chars().filter(|letter| *letter != '\0').take(1_000).collect()
}

#[cfg(all(test, feature = "testing-postgres"))]
#[expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod tests {
    use super::*;
    use crate::{
        infrastructure::consumer::{rounds::SESSION, trying},
        testing::TestDatabase,
    };
    use tokio::time::Instant;

    const PARK: &str = "\
        INSERT INTO parked (source, id, topic, partition, \"offset\", key, headers, parked_at, tries, due_at, dead, reason) \
        SELECT '/p', n::text, 't', n % 6, n,";

    /// The messages that a round finds, and the time that the fastest of some takes.
    async fn round(database: &TestDatabase) -> (Vec<Message>, Duration) {
        let client = database.context("pruebas").unwrap().client(SESSION).await.unwrap();
        let partitions: Vec<_> = (0..6).map(|number| Partition { topic: "t".into(), number }).collect();
        let (due, trying) = (Due::prepare(&client).await.unwrap(), Trying::new());
        let (mut found, mut fastest) = (Vec::new(), Duration::MAX);
        for _ in 0..20 {
            let began = Instant::now();
            drop(found);
            found = due.find(&client, &partitions, &trying).await.unwrap();
            fastest = fastest.min(began.elapsed());
        }
        (found, fastest)
    }

    async fn park(database: &TestDatabase, rows: &str) {
        let client = database.context("pruebas").unwrap().client("SET statement_timeout = 0").await.unwrap();
        client.batch_execute(&format!("{PARK} {rows}")).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_is_short_however_many_messages_of_a_key_are_parked() {
        let database = TestDatabase::pruebas().await;
        // The head is dead, its successors are due; another key has one that is due, too.
        park(&database, "'a', '[]', now(), 0, now(), n = 1, '' FROM generate_series(1, 200000) n").await;
        park(&database, "'b', '[]', now(), 0, now(), false, '' FROM generate_series(200001, 200002) n").await;
        let (found, fastest) = round(&database).await;
        let offsets: Vec<_> = found.iter().map(|message| message.delivery.offset).collect();
        assert_eq!(offsets, [200_001], "the one head that is due and not dead");
        assert!(fastest <= Duration::from_millis(10), "a round takes {fastest:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_is_short_however_many_keys_have_a_parked_message() {
        let database = TestDatabase::pruebas().await;
        park(&database, "n::text::bytea, '[]', now(), 0, now(), false, '' FROM generate_series(1, 200000) n").await;
        let (found, fastest) = round(&database).await;
        assert_eq!(found.len(), trying::MESSAGES);
        assert!(fastest <= Duration::from_millis(10), "a round takes {fastest:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_is_bounded_in_bytes() {
        let database = TestDatabase::pruebas().await;
        park(&database, "n::text::bytea, '[]', now(), 0, now(), false, '' FROM generate_series(1, 20) n").await;
        let client = database.context("pruebas").unwrap().client("SET statement_timeout = 0").await.unwrap();
        client.batch_execute("UPDATE parked SET value = decode(repeat('00', 1000000), 'hex')").await.unwrap();
        assert_eq!(round(&database).await.0.len(), 4);
        client
            .batch_execute("UPDATE parked SET value = decode(repeat('00', 5000000), 'hex') WHERE n = 1")
            .await
            .unwrap();
        client.batch_execute("UPDATE parked SET due_at = now() - interval '1 minute' WHERE n = 1").await.unwrap();
        assert_eq!(round(&database).await.0.len(), 1, "one is always read, however large it is");
    }
}
