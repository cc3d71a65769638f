//! Isolation of the poison message that crashes the process.
//!
//! After an unclean shutdown, each message that may have been in flight is handled alone, and the attempt is recorded. A
//! message that was alone in flight in three crashes is dead.
//!
//! | state | event | next state | durable fact |
//! |---|---|---|---|
//! | not consuming | the session opens | consuming | a row in `processes`, and a lock of the session |
//! | consuming | an orderly shutdown | not consuming | the row is deleted |
//! | consuming | a crash | unclean shutdown | the row stays, the lock is gone |
//! | unclean shutdown | a process is assigned a partition | at risk | rows in `at_risk`; the recorded attempt counts in `crashes` |
//! | at risk | the position passes `until` | not at risk | the row in `at_risk` is deleted, later |
//!
//! A process that is frozen or disconnected looks like a crashed one. That only costs time: claims decide on effects.

use super::{positions::names, received_message::ReceivedMessage, subscriptions::Outcome};
use crate::infrastructure::{
    broker::{Broker, Partition},
    postgres::Database,
};
use anyhow::Context as _;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{self, RwLock, RwLockReadGuard, RwLockWriteGuard, watch},
    time::{Instant, timeout},
};
use tokio_postgres::Client;
use uuid::Uuid;

/// The number of crashes with a message alone in flight after which the message is dead.
const MAX_CRASHES: i32 = 3;
/// The number of offsets after a position that may have been in flight: open, or settled but not stored. A poison
/// message beyond them is found after a later crash, because the position advances.
const AT_RISK: i64 = 16_384;
/// The time after the assignment of a partition at risk in which its parked messages are handled alone: those that were
/// due at the crash are due at the start.
const PARKED_AT_RISK: Duration = Duration::from_secs(60);
/// The time in which live processes open new sessions after a restart of PostgreSQL, which ended theirs.
const REOPEN: Duration = Duration::from_secs(3);
/// The longest time to record an orderly shutdown.
const CLOSE: Duration = Duration::from_secs(3);

/// Held by all messages in flight, exclusively by one that is handled alone. A crash ends all contexts of the process,
/// so they share this lock.
static IN_FLIGHT: RwLock<()> = RwLock::const_new(());

/// Held by the one message that is handled alone, or waits for that. `IN_FLIGHT` is fair, so other messages that wait go
/// before the next message at risk.
static NEXT_EXCLUSIVE: sync::Mutex<()> = sync::Mutex::const_new(());

/// The right to be in flight in this process.
pub(super) enum IsolationPermit {
    /// Beside other messages.
    Shared { _others: RwLockReadGuard<'static, ()> },
    /// Alone, for a message at risk.
    Exclusive { _others: RwLockWriteGuard<'static, ()>, _next: sync::MutexGuard<'static, ()> },
}

/// The lock is shared, so that a new session of the same process gets it while the old one still exists.
const LOCK: &str = "SELECT pg_advisory_lock_shared(hashtextextended($1::uuid::text, 0))";

const OPEN: &str = "INSERT INTO processes (id) VALUES ($1) \
    ON CONFLICT (id) DO UPDATE SET opened_at = now(), topic = NULL, partition = NULL, \"offset\" = NULL";

/// Needs no wait for the disk: the deletion must survive the process, not a crash of PostgreSQL.
const CLOSED: &str =
    "DELETE FROM processes WHERE id = $1 AND set_config('synchronous_commit', 'off', true) IS NOT NULL";

const RECORD_ATTEMPT: &str = "\
    WITH recorded AS (UPDATE processes SET topic = $2, partition = $3, \"offset\" = $4 \
    WHERE id = $1 AND set_config('synchronous_commit', 'off', true) IS NOT NULL RETURNING 1) \
    SELECT coalesce((SELECT c.count FROM crashes c WHERE c.topic = $2 AND c.partition = $3 AND c.\"offset\" = $4), 0) \
    FROM recorded";

const CLEAR_ATTEMPT: &str = "UPDATE processes SET topic = NULL, partition = NULL, \"offset\" = NULL \
    WHERE id = $1 AND set_config('synchronous_commit', 'off', true) IS NOT NULL";

/// Serializes the detection of crashes, so that each is counted once.
const DETECTION_LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('sta/processes/' || current_schema(), 0))";

/// Returns the seconds since PostgreSQL started, if a process has not opened a new session since.
const RESTARTED: &str = "\
    SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 \
    WHERE EXISTS (SELECT FROM processes WHERE id <> $1 AND opened_at < pg_postmaster_start_time())";

/// Turns unclean shutdowns into ranges at risk. `OFFSET 0` keeps the planner from asking for the lock of this process's
/// row.
const DETECT: &str = "\
    WITH ended AS MATERIALIZED (SELECT id FROM (SELECT id FROM processes WHERE id <> $1 OFFSET 0) p \
    WHERE pg_try_advisory_xact_lock(hashtextextended(id::text, 0))), \
    gone AS (DELETE FROM processes p USING ended WHERE p.id = ended.id RETURNING p.topic, p.partition, p.\"offset\"), \
    counted AS (INSERT INTO crashes AS c (topic, partition, \"offset\", count) \
    SELECT topic, partition, \"offset\", count(*) FROM gone WHERE topic IS NOT NULL GROUP BY topic, partition, \"offset\" \
    ON CONFLICT (topic, partition, \"offset\") DO UPDATE SET count = c.count + excluded.count), \
    risks AS (INSERT INTO at_risk AS a (topic, partition, until) \
    SELECT topic, partition, \"offset\" + $2 FROM positions WHERE EXISTS (SELECT FROM gone) \
    ON CONFLICT (topic, partition) DO UPDATE SET until = greatest(a.until, excluded.until)) \
    SELECT count(*) FROM gone";

/// Deletes ranges that the position has passed.
const DELETE_PASSED: &str = "\
    DELETE FROM at_risk a USING positions p \
    WHERE p.topic = a.topic AND p.partition = a.partition AND p.\"offset\" >= a.until";

/// Deletes the counts of settled messages, except of parked ones that are still retried.
const DELETE_SETTLED: &str = "\
    DELETE FROM crashes c USING positions p \
    WHERE p.topic = c.topic AND p.partition = c.partition AND p.\"offset\" > c.\"offset\" AND NOT EXISTS \
    (SELECT FROM parked k WHERE k.topic = c.topic AND k.partition = c.partition AND k.\"offset\" = c.\"offset\" AND NOT k.dead)";

const RISKS: &str = "\
    SELECT a.topic, a.partition, a.until FROM at_risk a \
    JOIN unnest($1::text[], $2::int4[]) AS r (topic, partition) USING (topic, partition)";

/// Ends ranges at the end of their partition: a message that was written after the crash was not in flight.
const SHORTEN: &str = "\
    UPDATE at_risk a SET until = least(a.until, r.until) \
    FROM unnest($1::text[], $2::int4[], $3::int8[]) AS r (topic, partition, until) \
    WHERE a.topic = r.topic AND a.partition = r.partition";

/// Knows which messages of a consumer are at risk, and isolates them.
pub(super) struct CrashIsolation {
    process: Uuid,
    /// The session that holds the lock and records the attempts.
    session: watch::Sender<Option<Arc<Client>>>,
    at_risk: Mutex<HashMap<Partition, RangeAtRisk>>,
}

#[derive(Clone, Copy)]
struct RangeAtRisk {
    /// The offset of the first message that was not in flight.
    until: i64,
    /// The time until which parked messages of the partition are handled alone.
    parked_until: Instant,
}

impl CrashIsolation {
    pub(super) fn new() -> Self {
        Self { process: Uuid::now_v7(), session: watch::Sender::new(None), at_risk: Mutex::default() }
    }

    fn at_risk(&self) -> MutexGuard<'_, HashMap<Partition, RangeAtRisk>> {
        self.at_risk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers this process as consuming, for as long as the session lasts.
    pub(super) async fn open(&self, session: &Arc<Client>) -> anyhow::Result<()> {
        session.execute(LOCK, &[&self.process]).await?;
        session.execute(OPEN, &[&self.process]).await?;
        self.session.send_replace(Some(Arc::clone(session)));
        Ok(())
    }

    /// Waits until this process is registered.
    pub(super) async fn wait_until_open(&self) {
        // The sender is a field of `self`, so it is not closed.
        let _ = self.session.subscribe().wait_for(Option::is_some).await;
    }

    /// Records an orderly shutdown: no message is in flight.
    pub(super) async fn close(&self) {
        let Some(session) = self.session.send_replace(None) else { return };
        if !matches!(timeout(CLOSE, session.execute(CLOSED, &[&self.process])).await, Ok(Ok(_))) {
            tracing::debug!("an orderly shutdown is not recorded: the next process handles messages one by one");
        }
    }

    /// Detects unclean shutdowns, and learns which messages of newly assigned partitions are at risk.
    pub(super) async fn detect_crashes<B: Broker>(
        &self,
        database: &Database,
        broker: &B,
        assigned: &[(Partition, i64)],
    ) -> anyhow::Result<()> {
        let mut client = database.client("").await?;
        if let Some(row) = client.query_opt(RESTARTED, &[&self.process]).await? {
            let up = Duration::try_from_secs_f64(row.get(0)).unwrap_or_default();
            tokio::time::sleep(REOPEN.saturating_sub(up)).await;
        }
        let transaction = client.transaction().await?;
        transaction.execute(DETECTION_LOCK, &[]).await?;
        let ended: i64 = transaction.query_one(DETECT, &[&self.process, &AT_RISK]).await?.get(0);
        transaction.batch_execute(&format!("{DELETE_PASSED}; {DELETE_SETTLED}")).await?;
        let (topics, numbers) = names(assigned.iter().map(|(partition, _)| partition));
        let found = transaction.query(RISKS, &[&topics, &numbers]).await?;
        transaction.commit().await?;
        if ended > 0 {
            let context = database.schema();
            tracing::warn!(
                context,
                processes = ended,
                "processes ended uncleanly: messages that they may have had in flight are handled one by one"
            );
            metrics::counter!("sta_unclean_shutdowns_total", "context" => context.to_owned())
                .increment(ended.unsigned_abs());
        }
        // The broker uses connections of its own. Their number is limited, so this task must not wait for one while it
        // holds another.
        drop(client);
        let ranges = found.iter().map(|row| {
            let topic: &str = row.get(0);
            (Partition { topic: topic.into(), number: row.get(1) }, row.get(2))
        });
        let ranges = shortened(broker, ranges.collect()).await?;
        if !ranges.is_empty() {
            let (topics, numbers) = names(ranges.keys());
            let ends: Vec<i64> = ranges.values().copied().collect();
            database.client("").await?.execute(SHORTEN, &[&topics, &numbers, &ends]).await?;
        }
        let parked_until = Instant::now() + PARKED_AT_RISK;
        let mut at_risk = self.at_risk();
        at_risk.retain(|partition, _| !assigned.iter().any(|(assigned, _)| assigned == partition));
        at_risk.extend(ranges.into_iter().map(|(partition, until)| (partition, RangeAtRisk { until, parked_until })));
        Ok(())
    }

    /// Waits until a message may be in flight: alone in this process if it is at risk, else beside others.
    pub(super) async fn acquire(&self, message: &ReceivedMessage) -> IsolationPermit {
        if !self.is_at_risk(message) {
            // Awaiting a free lock would use up the task's cooperative budget. Of thousands of messages that arrive
            // together, those beyond the budget would be woken again and again.
            let others = match IN_FLIGHT.try_read() {
                Ok(others) => others,
                Err(_) => IN_FLIGHT.read().await,
            };
            return IsolationPermit::Shared { _others: others };
        }
        let next = NEXT_EXCLUSIVE.lock().await;
        IsolationPermit::Exclusive { _others: IN_FLIGHT.write().await, _next: next }
    }

    /// Makes an attempt to handle a message. If the message is alone in flight, the attempt is recorded.
    pub(super) async fn run(
        &self,
        message: &ReceivedMessage,
        permit: IsolationPermit,
        attempt: impl Future<Output = Outcome>,
    ) -> Outcome {
        let IsolationPermit::Exclusive { .. } = &permit else { return attempt.await };
        let outcome = match self.record_attempt(message).await {
            Ok(crashes) if crashes < MAX_CRASHES => attempt.await,
            Ok(crashes) => {
                Outcome::Permanent(format!("the process crashed {crashes} times while only it was in flight"))
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "a message at risk waits: the attempt cannot be recorded");
                return Outcome::Unavailable(error);
            }
        };
        // The next attempt overwrites a stale one, and a new session clears it.
        if let Err(error) = self.clear_attempt().await {
            tracing::debug!(error = format!("{error:#}"), "the attempt of a message is not cleared");
        }
        outcome
    }

    fn is_at_risk(&self, message: &ReceivedMessage) -> bool {
        self.at_risk().get(&message.delivery.partition).is_some_and(|range| match message.parked {
            None => message.delivery.offset < range.until,
            Some(_) => Instant::now() < range.parked_until,
        })
    }

    /// Records an attempt with this message alone in flight. Returns the number of crashes in which it was.
    async fn record_attempt(&self, message: &ReceivedMessage) -> anyhow::Result<i32> {
        let Partition { topic, number } = &message.delivery.partition;
        let session = self.session()?;
        let row =
            session.query_opt(RECORD_ATTEMPT, &[&self.process, &&**topic, number, &message.delivery.offset]).await?;
        Ok(row.context("another process has taken this process for crashed")?.get(0))
    }

    async fn clear_attempt(&self) -> anyhow::Result<()> {
        self.session()?.execute(CLEAR_ATTEMPT, &[&self.process]).await?;
        Ok(())
    }

    fn session(&self) -> anyhow::Result<Arc<Client>> {
        self.session.borrow().clone().context("the session is not open")
    }
}

/// Returns ranges at risk that end with their partition at the latest.
async fn shortened<B: Broker>(broker: &B, ranges: Vec<(Partition, i64)>) -> anyhow::Result<HashMap<Partition, i64>> {
    let mut by_topic = HashMap::new();
    let mut shortened = HashMap::with_capacity(ranges.len());
    for (partition, until) in ranges {
        let topic = &partition.topic;
        if !by_topic.contains_key(topic) {
            by_topic.insert(Arc::clone(topic), broker.ensure_topic(topic).await?);
        }
        let watermarks = by_topic.get(topic).and_then(|all| all.get(usize::try_from(partition.number).ok()?));
        let end = watermarks.with_context(|| format!("{partition:?} does not exist"))?.high;
        shortened.insert(partition, until.min(end));
    }
    Ok(shortened)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::{broker::Delivery, consumer::in_flight_limit::InFlightLimit};
    use futures_util::{FutureExt, poll};
    use std::pin::pin;

    fn message(number: i32) -> ReceivedMessage {
        let partition = Partition { topic: "t".into(), number };
        let delivery = Delivery { partition, offset: 0, key: None, headers: Vec::new(), value: None, defect: None };
        ReceivedMessage { delivery, permit: InFlightLimit::new(1, 1).admit(0), parked: None }
    }

    #[tokio::test]
    async fn waiting_messages_go_before_the_next_message_at_risk() {
        let isolation = CrashIsolation::new();
        let range = RangeAtRisk { until: 1, parked_until: Instant::now() };
        isolation.at_risk().insert(message(0).delivery.partition, range);
        let (at_risk, other) = (message(0), message(1));
        let first = isolation.acquire(&at_risk).await;
        assert!(matches!(first, IsolationPermit::Exclusive { .. }));
        let (mut second, mut shared) = (pin!(isolation.acquire(&at_risk)), pin!(isolation.acquire(&other)));
        assert!(poll!(&mut second).is_pending() && poll!(&mut shared).is_pending());
        drop(first);
        assert!(poll!(&mut second).is_pending(), "it waits for the others");
        let shared = shared.now_or_never().expect("it need not wait for the second");
        assert!(matches!(shared, IsolationPermit::Shared { .. }));
        drop(shared);
        assert!(matches!(second.await, IsolationPermit::Exclusive { .. }));
    }
}
