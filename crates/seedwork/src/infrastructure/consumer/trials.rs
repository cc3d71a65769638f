//! Finds the message that kills the process: after an unclean end, the messages that may have been in flight are tried
//! alone, each with a durable mark. One that was alone in flight in three crashes is dead.
//!
//! | state | event | next state | durable fact |
//! |---|---|---|---|
//! | not consuming | the session is open | consuming | a row in `processes`, a lock of the session |
//! | consuming | an orderly end | not consuming | the row is deleted |
//! | consuming | a crash | unclean end | the row stays, the lock does not |
//! | unclean end | another process gains a partition | at risk | rows in `at_risk`; the mark counts in `crashes` |
//! | at risk | the position passes `until` | not at risk | the row in `at_risk` is deleted at the next gain |
//!
//! The row of a process that is frozen or cut off costs nothing but time: claims decide on effects.

use super::{message::Message, positions::names, subscriptions::Outcome};
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

/// In how many crashes a message may be alone in flight before it is dead.
const CRASHES: i32 = 3;
/// The number of offsets after a position that may have been in flight: open, or settled but not noted. A killer beyond
/// them is found after a later crash, because the position advances.
const AT_RISK: i64 = 16_384;
/// The time after the gain of a partition at risk in which its parked messages are tried alone: those that are due
/// at a crash are due at the start.
const PARKED: Duration = Duration::from_secs(60);
/// The time that living processes have to open new sessions after a restart of PostgreSQL, which ends all.
const REOPEN: Duration = Duration::from_secs(3);
/// The longest time that the orderly end may take.
const CLOSE: Duration = Duration::from_secs(3);

/// Held by all messages in flight, exclusively by one that is tried alone. All contexts of a process end with it, so it is
/// the process's.
static ALONE: RwLock<()> = RwLock::const_new(());

/// Held by the one message that waits to be alone, or is: `ALONE` is fair, so the others that come meanwhile go before the
/// next message that is tried alone.
static NEXT: sync::Mutex<()> = sync::Mutex::const_new(());

/// The turn of a message in this process.
pub(super) enum Turn {
    /// It is in flight beside others.
    Beside { _others: RwLockReadGuard<'static, ()> },
    /// It is at risk, and alone in flight.
    Alone { _others: RwLockWriteGuard<'static, ()>, _next: sync::MutexGuard<'static, ()> },
}

/// The lock is shared, so that a new session of the same process gets it while an old one lingers.
const LOCK: &str = "SELECT pg_advisory_lock_shared(hashtextextended($1::uuid::text, 0))";

const OPEN: &str = "INSERT INTO processes (id) VALUES ($1) \
    ON CONFLICT (id) DO UPDATE SET opened_at = now(), topic = NULL, partition = NULL, \"offset\" = NULL";

/// The note outlives the process, not necessarily PostgreSQL: it need not wait for the disk.
const CLOSED: &str =
    "DELETE FROM processes WHERE id = $1 AND set_config('synchronous_commit', 'off', true) IS NOT NULL";

const MARK: &str = "\
    WITH mark AS (UPDATE processes SET topic = $2, partition = $3, \"offset\" = $4 \
    WHERE id = $1 AND set_config('synchronous_commit', 'off', true) IS NOT NULL RETURNING 1) \
    SELECT coalesce((SELECT c.count FROM crashes c WHERE c.topic = $2 AND c.partition = $3 AND c.\"offset\" = $4), 0) \
    FROM mark";

const UNMARK: &str = "UPDATE processes SET topic = NULL, partition = NULL, \"offset\" = NULL \
    WHERE id = $1 AND set_config('synchronous_commit', 'off', true) IS NOT NULL";

/// One process looks at a time: what one finds the next one sees.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtextextended('sta/processes/' || current_schema(), 0))";

/// Returns the seconds since PostgreSQL started, if a process has not come back after a restart.
const RESTARTED: &str = "\
    SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 \
    WHERE EXISTS (SELECT FROM processes WHERE id <> $1 AND opened_at < pg_postmaster_start_time())";

/// Turns unclean ends into ranges at risk. `OFFSET 0` keeps the lock of the own row from being asked for.
const FIND: &str = "\
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

const PASSED: &str = "\
    DELETE FROM at_risk a USING positions p \
    WHERE p.topic = a.topic AND p.partition = a.partition AND p.\"offset\" >= a.until";

/// Counts of messages that are settled, unless they are parked and tried again.
const SETTLED: &str = "\
    DELETE FROM crashes c USING positions p \
    WHERE p.topic = c.topic AND p.partition = c.partition AND p.\"offset\" > c.\"offset\" AND NOT EXISTS \
    (SELECT FROM parked k WHERE k.topic = c.topic AND k.partition = c.partition AND k.\"offset\" = c.\"offset\" AND NOT k.dead)";

const RISKS: &str = "\
    SELECT a.topic, a.partition, a.until FROM at_risk a \
    JOIN unnest($1::text[], $2::int4[]) AS r (topic, partition) USING (topic, partition)";

/// Nothing that comes after the crash was in flight.
const SHORTEN: &str = "\
    UPDATE at_risk a SET until = least(a.until, r.until) \
    FROM unnest($1::text[], $2::int4[], $3::int8[]) AS r (topic, partition, until) \
    WHERE a.topic = r.topic AND a.partition = r.partition";

/// The messages that are tried alone, as one consumer of a process knows them.
pub(super) struct Trials {
    process: Uuid,
    /// The session that holds the lock and writes the marks.
    session: watch::Sender<Option<Arc<Client>>>,
    risks: Mutex<HashMap<Partition, Risk>>,
}

#[derive(Clone, Copy)]
struct Risk {
    /// The offset of the first message that was not in flight.
    until: i64,
    /// When its parked messages are no longer tried alone.
    parked: Instant,
}

impl Trials {
    pub(super) fn new() -> Self {
        Self { process: Uuid::now_v7(), session: watch::Sender::new(None), risks: Mutex::default() }
    }

    fn risks(&self) -> MutexGuard<'_, HashMap<Partition, Risk>> {
        self.risks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that this process consumes, for as long as the session lasts.
    pub(super) async fn open(&self, session: &Arc<Client>) -> anyhow::Result<()> {
        session.execute(LOCK, &[&self.process]).await?;
        session.execute(OPEN, &[&self.process]).await?;
        self.session.send_replace(Some(Arc::clone(session)));
        Ok(())
    }

    /// Waits until this process has noted that it consumes.
    pub(super) async fn opened(&self) {
        // The sender lives as long as this: it cannot be closed.
        let _ = self.session.subscribe().wait_for(Option::is_some).await;
    }

    /// Notes that this process ends in order: nothing is in flight.
    pub(super) async fn close(&self) {
        let Some(session) = self.session.send_replace(None) else { return };
        if !matches!(timeout(CLOSE, session.execute(CLOSED, &[&self.process])).await, Ok(Ok(_))) {
            tracing::debug!("an orderly end is not noted: the next process tries messages alone");
        }
    }

    /// Looks for unclean ends, and learns which messages of gained partitions are at risk.
    pub(super) async fn look<B: Broker>(
        &self,
        database: &Database,
        broker: &B,
        gained: &[(Partition, i64)],
    ) -> anyhow::Result<()> {
        let mut client = database.client("").await?;
        if let Some(row) = client.query_opt(RESTARTED, &[&self.process]).await? {
            let up = Duration::try_from_secs_f64(row.get(0)).unwrap_or_default();
            tokio::time::sleep(REOPEN.saturating_sub(up)).await;
        }
        let looking = client.transaction().await?;
        looking.execute(TURN, &[]).await?;
        let ended: i64 = looking.query_one(FIND, &[&self.process, &AT_RISK]).await?.get(0);
        looking.batch_execute(&format!("{PASSED}; {SETTLED}")).await?;
        let (topics, numbers) = names(gained.iter().map(|(partition, _)| partition));
        let found = looking.query(RISKS, &[&topics, &numbers]).await?;
        looking.commit().await?;
        if ended > 0 {
            let context = database.schema();
            tracing::warn!(
                context,
                processes = ended,
                "processes ended uncleanly: what they had in flight is tried alone"
            );
            metrics::counter!("sta_unclean_ends_total", "context" => context.to_owned())
                .increment(ended.unsigned_abs());
        }
        // The broker asks on connections of its own: a process that may have few of them waits for none while it holds one.
        drop(client);
        let at_risk = found.iter().map(|row| {
            let topic: &str = row.get(0);
            (Partition { topic: topic.into(), number: row.get(1) }, row.get(2))
        });
        let risks = shortened(broker, at_risk.collect()).await?;
        if !risks.is_empty() {
            let (topics, numbers) = names(risks.keys());
            let ends: Vec<i64> = risks.values().copied().collect();
            database.client("").await?.execute(SHORTEN, &[&topics, &numbers, &ends]).await?;
        }
        let parked = Instant::now() + PARKED;
        let mut known = self.risks();
        known.retain(|partition, _| !gained.iter().any(|(gained, _)| gained == partition));
        known.extend(risks.into_iter().map(|(partition, until)| (partition, Risk { until, parked })));
        Ok(())
    }

    /// Waits for the turn of a message: alone in this process if it is at risk, else beside others.
    pub(super) async fn turn(&self, message: &Message) -> Turn {
        if !self.is_at_risk(message) {
            // To await the lock would use up the task's budget: of thousands of messages that come at once, those beyond it
            // would be woken again and again.
            let others = match ALONE.try_read() {
                Ok(others) => others,
                Err(_) => ALONE.read().await,
            };
            return Turn::Beside { _others: others };
        }
        let next = NEXT.lock().await;
        Turn::Alone { _others: ALONE.write().await, _next: next }
    }

    /// Handles a message in its turn: with a mark, if it is alone.
    pub(super) async fn handle(
        &self,
        message: &Message,
        turn: Turn,
        handling: impl Future<Output = Outcome>,
    ) -> Outcome {
        let Turn::Alone { .. } = &turn else { return handling.await };
        let outcome = match self.mark(message).await {
            Ok(crashes) if crashes < CRASHES => handling.await,
            Ok(crashes) => {
                Outcome::Hopeless(format!("the process crashed {crashes} times while only it was in flight"))
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "a message at risk waits: its mark cannot be written");
                return Outcome::Later(error);
            }
        };
        // The next mark overwrites one that stays; a session that is opened anew clears it.
        if let Err(error) = self.unmark().await {
            tracing::debug!(error = format!("{error:#}"), "the mark of a message stays");
        }
        outcome
    }

    fn is_at_risk(&self, message: &Message) -> bool {
        self.risks().get(&message.delivery.partition).is_some_and(|risk| match message.parked {
            None => message.delivery.offset < risk.until,
            Some(_) => Instant::now() < risk.parked,
        })
    }

    /// Marks a message as alone in flight; answers in how many crashes it was.
    async fn mark(&self, message: &Message) -> anyhow::Result<i32> {
        let Partition { topic, number } = &message.delivery.partition;
        let session = self.session()?;
        let row = session.query_opt(MARK, &[&self.process, &&**topic, number, &message.delivery.offset]).await?;
        Ok(row.context("another process took this one's row for an unclean end")?.get(0))
    }

    async fn unmark(&self) -> anyhow::Result<()> {
        self.session()?.execute(UNMARK, &[&self.process]).await?;
        Ok(())
    }

    fn session(&self) -> anyhow::Result<Arc<Client>> {
        self.session.borrow().clone().context("the session is not open")
    }
}

/// The partitions at risk, each up to its end at the most: what comes after a crash was not in flight.
async fn shortened<B: Broker>(broker: &B, at_risk: Vec<(Partition, i64)>) -> anyhow::Result<HashMap<Partition, i64>> {
    let mut extents = HashMap::new();
    let mut shortened = HashMap::with_capacity(at_risk.len());
    for (partition, until) in at_risk {
        let topic = &partition.topic;
        if !extents.contains_key(topic) {
            extents.insert(Arc::clone(topic), broker.extents(topic).await?);
        }
        let extent = extents.get(topic).and_then(|all| all.get(usize::try_from(partition.number).ok()?));
        let end = extent.with_context(|| format!("{partition:?} is not there"))?.next;
        shortened.insert(partition, until.min(end));
    }
    Ok(shortened)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::{broker::Delivery, consumer::window::Window};
    use futures_util::{FutureExt, poll};
    use std::pin::pin;

    fn message(number: i32) -> Message {
        let partition = Partition { topic: "t".into(), number };
        let delivery = Delivery { partition, offset: 0, key: None, headers: Vec::new(), value: None, defect: None };
        Message { delivery, room: Window::new(1, 1).enter(0), parked: None }
    }

    #[tokio::test]
    async fn others_go_before_the_next_message_that_is_tried_alone() {
        let trials = Trials::new();
        let risk = Risk { until: 1, parked: Instant::now() };
        trials.risks().insert(message(0).delivery.partition, risk);
        let (at_risk, other) = (message(0), message(1));
        let first = trials.turn(&at_risk).await;
        assert!(matches!(first, Turn::Alone { .. }));
        let (mut second, mut beside) = (pin!(trials.turn(&at_risk)), pin!(trials.turn(&other)));
        assert!(poll!(&mut second).is_pending() && poll!(&mut beside).is_pending());
        drop(first);
        assert!(poll!(&mut second).is_pending(), "it waits for the others");
        let beside = beside.now_or_never().expect("it need not wait for the second");
        assert!(matches!(beside, Turn::Beside { .. }));
        drop(beside);
        assert!(matches!(second.await, Turn::Alone { .. }));
    }
}
