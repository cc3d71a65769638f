//! The group committer: one task for each context, which writes all waiting units of work in one transaction.
//!
//! There is no timer: a group is the units that arrived while the last group was written. Only one process at a time
//! writes for a context, so log numbers, claims and ordering keys cannot race. A bad unit fails alone. The outcome of a
//! COMMIT without an answer is looked up, never guessed.
//!
//! | state of a group | event | next state | durable fact |
//! |---|---|---|---|
//! | to be written | all statements succeed | committing | none |
//! | to be written | culprits are known | to be written without them; the culprits individually | none |
//! | to be written | a statement fails, the culprit is unknown | each unit under a savepoint | none |
//! | to be written | the connection is lost, a deadlock, a lost plan, no partition | to be written once more | none |
//! | to be written | the database does not answer, or a defect | refused | none |
//! | committing | the COMMIT is answered | committed | rows, log and claims |
//! | committing | no answer | the mark is looked up under the lock | the mark, if it was committed |
//! | the mark is looked up | found; not found; not in time | committed; refused; outcome unknown | as found |

mod failure;
mod group;
mod log_state;
mod maintenance;
mod mark_lookup;
mod queue;
mod session;
mod statement_cache;
mod transaction;

pub use log_state::LogState;
pub(super) use queue::Writes;

use super::lanes::Lane;
use crate::{
    application::{Committed, StorageError},
    infrastructure::{
        postgres::{connection::database::Database, reply},
        supervise::Supervisor,
    },
};
use failure::{Mark, WriteFailure};
use maintenance::Maintenance;
use queue::{Unit, UnitReceiver, UnitSender};
use session::{ANSWER, WriteSession};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use transaction::IndividualOutcomes;

/// The settings of a context's committer.
#[derive(Debug, Clone, Copy)]
pub struct CommitterSettings {
    /// The longest time from the start of a request's unit to its reply.
    pub deadline: Duration,
    /// The longest time that a handler of a message may run.
    pub handler: Duration,
    /// The number of messages in a partition of the log.
    pub partition_rows: i64,
}

impl Default for CommitterSettings {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(5), handler: Duration::from_secs(30), partition_rows: 1_000_000 }
    }
}

/// Makes the units of work of a context durable.
#[derive(Clone)]
pub(super) struct Committer {
    sender: UnitSender,
}

impl Committer {
    /// Starts the committer's tasks. They keep `log` up to date.
    pub(super) fn start(
        database: Database,
        settings: CommitterSettings,
        log: watch::Sender<LogState>,
        supervisor: &Supervisor,
    ) -> Self {
        let (sender, receiver) = queue::queues();
        let log = Arc::new(log);
        let maintenance = Maintenance::start(database.clone(), settings.partition_rows, Arc::clone(&log), supervisor);
        let writer = Writer { database, log, maintenance, session: None };
        // The writer and the queue outlive a task that panics. The restarted task continues with them.
        let writer = Arc::new(Mutex::new(writer));
        supervisor.spawn("committer", move |stop| run(Arc::clone(&writer), receiver.clone(), stop));
        Self { sender }
    }

    /// Makes writes durable, see [`UnitOfWorkFactory::commit`](crate::application::UnitOfWorkFactory::commit).
    pub(super) async fn commit(
        &self,
        writes: Writes,
        lanes: Vec<Lane>,
        deadline: Instant,
    ) -> Result<Committed, StorageError> {
        if writes.is_empty() {
            return Ok(Committed);
        }
        self.sender.commit(writes, lanes, deadline).await
    }
}

/// Writes group after group until `stop` is cancelled and the queue is empty.
async fn run(writer: Arc<Mutex<Writer>>, receiver: UnitReceiver, stop: CancellationToken) {
    let mut writer = writer.lock().await;
    // A panic may have left the session inside a transaction, so it is not used again. The new one is opened now, to
    // spare the first group the wait. If that fails, the first group opens it.
    writer.session = None;
    let _ = writer.session().await;
    let mut held = Vec::new();
    loop {
        let group = tokio::select! {
            biased;
            group = receiver.next_group(std::mem::take(&mut held)) => group,
            () = stop.cancelled() => {
                receiver.close().await;
                receiver.next_group(Vec::new()).await
            }
        };
        if group.is_empty() {
            break;
        }
        let (now, later) = group::split_group(group);
        held = later;
        writer.write(now.into_iter().filter(Unit::is_wanted).collect()).await;
    }
}

/// The state of the committer's task.
struct Writer {
    database: Database,
    log: Arc<watch::Sender<LogState>>,
    maintenance: Maintenance,
    session: Option<WriteSession>,
}

impl Writer {
    /// Writes a group and replies to each of its units.
    async fn write(&mut self, group: Vec<Unit>) {
        if group.is_empty() {
            return;
        }
        metrics::histogram!("sta_commit_group_units", "context" => self.database.schema().to_owned())
            .record(group.len() as f64);
        match self.write_group(&group).await {
            Err(WriteFailure::Culprits(causes)) => {
                let (culprits, rest) = split_culprits(group, causes);
                match self.write_group(&rest).await {
                    // Others failed in the meantime. There is no third guess.
                    Err(WriteFailure::Culprits(_) | WriteFailure::UnknownCulprit) => {
                        self.write_individually(rest).await
                    }
                    outcome => self.reply_all(rest, outcome).await,
                }
                if !culprits.is_empty() {
                    self.write_individually(culprits).await;
                }
            }
            Err(WriteFailure::UnknownCulprit) => self.write_individually(group).await,
            outcome => self.reply_all(group, outcome).await,
        }
    }

    /// Writes units in one transaction. Repeats it once if the cause of a failure has passed.
    async fn write_group(&mut self, units: &[Unit]) -> Result<(), WriteFailure> {
        if units.is_empty() {
            return Ok(());
        }
        let outcome = self.try_write_group(units).await;
        match outcome {
            Err(failure) if self.has_passed(&failure, units).await => self.try_write_group(units).await,
            outcome => outcome,
        }
    }

    async fn try_write_group(&mut self, units: &[Unit]) -> Result<(), WriteFailure> {
        let outcome = transaction::write_group(self.ready(units).await?, units).await;
        self.after(&outcome);
        outcome
    }

    /// Returns true if the group may succeed now. If a partition is missing, this waits for maintenance.
    async fn has_passed(&self, failure: &WriteFailure, units: &[Unit]) -> bool {
        match failure {
            WriteFailure::Retry(why) => tracing::warn!(error = why, "a group is written again"),
            WriteFailure::NoPartition if Instant::now() < last_deadline(units) => {
                tracing::warn!(error = %failure, "a group waits for partition maintenance");
                return self.maintenance.round(last_deadline(units)).await;
            }
            _ => return false,
        }
        true
    }

    /// Writes units one by one, and replies to each.
    async fn write_individually(&mut self, units: Vec<Unit>) {
        let mut outcome = self.try_write_individually(&units).await;
        if let Err(failure) = &outcome
            && self.has_passed(failure, &units).await
        {
            outcome = self.try_write_individually(&units).await;
        }
        let IndividualOutcomes { outcomes, commit } = match outcome {
            Ok(outcomes) => outcomes,
            Err(failure) => {
                IndividualOutcomes { outcomes: units.iter().map(|_| Ok(())).collect(), commit: Err(failure) }
            }
        };
        let mut written = Vec::new();
        for (unit, outcome) in units.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => written.push(unit),
                Err(refusal) => {
                    if let StorageError::Invalid(why) | StorageError::Defect(why) = &refusal {
                        tracing::error!(error = why, "PostgreSQL refuses a unit of work");
                    }
                    reply::deliver([unit.into_reply(Err(refusal))]);
                }
            }
        }
        self.reply_all(written, commit).await;
    }

    async fn try_write_individually(&mut self, units: &[Unit]) -> Result<IndividualOutcomes, WriteFailure> {
        let outcome = transaction::write_individually(self.ready(units).await?, units).await;
        match &outcome {
            Ok(IndividualOutcomes { commit, .. }) => self.after(commit),
            Err(_) => self.session = None,
        }
        outcome
    }

    /// Replies to units with the outcome of their transaction.
    async fn reply_all(&mut self, units: Vec<Unit>, outcome: Result<(), WriteFailure>) {
        let answer = match outcome {
            Ok(()) => Ok(Committed),
            Err(WriteFailure::UnknownOutcome(mark)) => self.resolve(mark, &units).await,
            Err(failure) => {
                self.database.refused(units.len(), failure.to_string());
                Err(match failure {
                    WriteFailure::Defect(why) => StorageError::Defect(why),
                    _ => StorageError::Unavailable,
                })
            }
        };
        reply::deliver(units.into_iter().map(|unit| unit.into_reply(answer.clone())));
    }

    /// Looks up the outcome of a COMMIT that was not answered. It holds the same lock, so the old transaction has
    /// ended.
    async fn resolve(&mut self, mark: Mark, units: &[Unit]) -> Result<Committed, StorageError> {
        let until = last_deadline(units);
        tracing::warn!(?mark, "a COMMIT was not answered: its mark is looked up");
        while Instant::now() < until {
            match tokio::time::timeout_at(until, self.find(&mark)).await {
                Ok(Ok(true)) => return Ok(Committed),
                Ok(Ok(false)) => return Err(StorageError::Unavailable),
                Ok(Err(failure)) => {
                    tracing::warn!(error = %failure, "the mark of a COMMIT cannot be looked up yet");
                    self.session = None;
                    tokio::time::sleep_until(until.min(Instant::now() + Duration::from_millis(50))).await;
                }
                Err(_) => break,
            }
        }
        self.session = None;
        Err(StorageError::Unknown)
    }

    async fn find(&mut self, mark: &Mark) -> Result<bool, WriteFailure> {
        mark_lookup::find(self.session().await?, mark).await
    }

    /// Returns the session as soon as the log has room for the messages of these units.
    async fn ready(&mut self, units: &[Unit]) -> Result<&mut WriteSession, WriteFailure> {
        let messages = units.iter().map(|unit| unit.writes.messages.len()).sum::<usize>();
        let needed = self.session().await?.seen.saturating_add(i64::try_from(messages).unwrap_or(i64::MAX));
        if messages > 0 && !self.maintenance.room(needed, last_deadline(units)).await {
            return Err(WriteFailure::NoPartition);
        }
        self.session().await
    }

    /// Returns the session. It is opened if there is none.
    async fn session(&mut self) -> Result<&mut WriteSession, WriteFailure> {
        if self.session.as_ref().is_some_and(WriteSession::is_closed) {
            self.session = None;
        }
        if self.session.is_none() {
            let opened = timeout(ANSWER, async {
                let session = WriteSession::open(&self.database).await?;
                let until = session.until().await?;
                Ok((session, until))
            });
            let opened = opened.await.map_err(|_| WriteFailure::Down("no connection in time".into()))?;
            let (session, until) = opened.map_err(failure::opening_failure)?;
            self.log.send_replace(LogState { last: session.seen, room: until - session.seen });
            self.maintenance.keep_ahead();
            self.session = Some(session);
        }
        self.session.as_mut().ok_or_else(|| WriteFailure::Down("no session".into()))
    }

    /// Drops a session in an unknown state, and updates the state of the log.
    fn after(&mut self, outcome: &Result<(), WriteFailure>) {
        match (outcome, &self.session) {
            (Ok(()), Some(WriteSession { seen, .. })) => {
                self.log.send_modify(|log| *log = LogState { last: *seen, room: log.until() - seen });
                self.maintenance.keep_ahead();
            }
            // Rolled back: the session is as good as before.
            (Err(WriteFailure::Culprits(_) | WriteFailure::UnknownCulprit | WriteFailure::NoPartition), _) => {}
            _ => self.session = None,
        }
    }
}

/// The latest deadline of the units.
fn last_deadline(units: &[Unit]) -> Instant {
    units.iter().map(|unit| unit.deadline).max().unwrap_or_else(Instant::now)
}

/// Replies to the culprits whose error is known. Returns the other culprits, and the rest of the group.
fn split_culprits(units: Vec<Unit>, mut causes: HashMap<usize, Option<StorageError>>) -> (Vec<Unit>, Vec<Unit>) {
    let (mut culprits, mut rest) = (Vec::new(), Vec::new());
    for (n, unit) in units.into_iter().enumerate() {
        match causes.remove(&n) {
            Some(Some(error)) => reply::deliver([unit.into_reply(Err(error))]),
            Some(None) => culprits.push(unit),
            None => rest.push(unit),
        }
    }
    (culprits, rest)
}
