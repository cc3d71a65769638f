//! Messages that were set aside: the heads of their keys are tried again from the table, their successors follow.

use super::{headers, hearing::Outcome, message::Message, positions::names};
use crate::infrastructure::broker::{Delivery, Partition};
use std::time::Duration;
use tokio_postgres::{Client, Row};

/// How often a parked message is tried before it is left to an operator.
pub(super) const TRIES: i32 = 10;
/// How long until a parked message is tried for the first time; twice as long each time after that.
pub(super) const FIRST: Duration = Duration::from_secs(1);
/// How many heads are tried at once.
const BATCH: i64 = 200;

/// The heads of their keys that are due. Without a key a message is a key of its own.
const DUE: &str = "\
    SELECT n, topic, partition, \"offset\", key, headers, value, tries FROM parked p \
    WHERE NOT dead AND due_at <= now() AND (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int4[])) \
    AND NOT EXISTS (SELECT FROM parked earlier WHERE earlier.topic = p.topic AND earlier.key = p.key AND earlier.n < p.n) \
    ORDER BY n LIMIT $3";

/// The head of a key, due or not: what follows one that has just been handled.
const NEXT: &str = "\
    SELECT n, topic, partition, \"offset\", key, headers, value, tries, dead FROM parked \
    WHERE topic = $1 AND key = $2 ORDER BY n LIMIT 1";

const AGAIN: &str = "\
    UPDATE parked SET tries = tries + 1, due_at = now() + make_interval(secs => $2), dead = $3, reason = $4 WHERE n = $1";

/// What is due of the partitions that are heard here.
pub(super) async fn due(client: &Client, partitions: &[Partition]) -> anyhow::Result<Vec<Message>> {
    let (topics, numbers) = names(partitions.iter());
    client.query(DUE, &[&topics, &numbers, &BATCH]).await?.iter().map(message).collect()
}

/// What follows a message that has just been handled, unless it is dead.
pub(super) async fn after(client: &Client, message: &Message) -> anyhow::Result<Option<Message>> {
    let Some(key) = &message.delivery.key else { return Ok(None) };
    let row = client.query_opt(NEXT, &[&&*message.delivery.partition.topic, key]).await?;
    row.filter(|row| !row.get::<_, bool>(8)).as_ref().map(self::message).transpose()
}

fn message(row: &Row) -> anyhow::Result<Message> {
    let partition = Partition { topic: row.get::<_, &str>(1).into(), number: row.get(2) };
    let headers = headers::from_json(row.get(5))?;
    let delivery = Delivery { partition, offset: row.get(3), key: row.get(4), headers, value: row.get(6) };
    Ok(Message { delivery, parked: Some((row.get(0), row.get(7))) })
}

/// Notes that a parked message could not be handled again.
pub(super) async fn failed(client: &Client, n: i64, tries: i32, outcome: Outcome) -> anyhow::Result<()> {
    let (hopeless, reason) = match outcome {
        Outcome::Hopeless(reason) => (true, reason),
        Outcome::Failed(reason) => (false, reason),
        Outcome::Unheard(kind) => (false, format!("nothing here hears {kind}")),
        Outcome::Done | Outcome::Later | Outcome::Behind => return Ok(()),
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
