//! Partition maintenance: a task of its own makes partitions of the log and the inbox ahead of need, on a connection
//! that lives for one round. A lock on the tables (`ANALYZE`, `VACUUM`, a detach) delays this task, never a commit.

use super::log_state::LogState;
use crate::infrastructure::{
    postgres::{
        connection::{connector::describe, database::Database},
        write::partitions,
    },
    supervise::{Supervisor, jitter},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

/// The settings of a session. The wait for a lock is short, because other sessions queue behind one that waits.
const SESSION: &str = "SET lock_timeout = 500; SET statement_timeout = 5000";
/// The longest time of a round, also if the server does not answer.
const ROUND: Duration = Duration::from_secs(10);
/// The first and the longest pause after a round that failed.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// The longest time between two rounds. The inbox has partitions for days ahead.
const IDLE: Duration = Duration::from_secs(3_600);

/// The committer's handle on the maintenance task. Both keep `log` up to date.
pub(super) struct Maintenance {
    log: Arc<watch::Sender<LogState>>,
    rows: i64,
    demand: watch::Sender<PartitionDemand>,
    done: watch::Receiver<u64>,
}

/// The work of the next round.
#[derive(Debug, Clone, Copy, Default)]
struct PartitionDemand {
    /// The number of the log beyond which there should be room for one more partition.
    seq: i64,
    /// The number of rounds that were requested.
    rounds: u64,
}

impl Maintenance {
    /// Starts the task and its first round. `rows` is the number of messages in a partition of the log.
    pub(super) fn start(
        database: Database,
        rows: i64,
        log: Arc<watch::Sender<LogState>>,
        supervisor: &Supervisor,
    ) -> Self {
        let (demand, next) = watch::channel(PartitionDemand::default());
        let (rounds, done) = watch::channel(0);
        let task = Arc::new(Task { database, rows, log: Arc::clone(&log), rounds });
        supervisor.spawn("partition maintenance", move |stop| {
            let (task, next) = (Arc::clone(&task), next.clone());
            async move {
                stop.run_until_cancelled(task.run(next)).await;
            }
        });
        Self { log, rows, demand, done }
    }

    /// Requests more room if less than half of a partition is left.
    pub(super) fn keep_ahead(&self) {
        let LogState { last, room } = *self.log.borrow();
        if room < self.rows / 2 {
            self.want(last);
        }
    }

    fn want(&self, seq: i64) {
        self.demand.send_modify(|demand| demand.seq = seq);
    }

    /// Waits until the log has room up to the number `seq`. Returns false at the deadline.
    pub(super) async fn room(&self, seq: i64, deadline: Instant) -> bool {
        if self.log.borrow().until() >= seq {
            return true;
        }
        let mut log = self.log.subscribe();
        self.want(seq);
        matches!(timeout_at(deadline, log.wait_for(|log| log.until() >= seq)).await, Ok(Ok(_)))
    }

    /// Waits for a successful round that begins after the call. Returns false at the deadline.
    pub(super) async fn round(&self, deadline: Instant) -> bool {
        self.demand.send_modify(|demand| demand.rounds += 1);
        let requested = self.demand.borrow().rounds;
        matches!(timeout_at(deadline, self.done.clone().wait_for(|done| *done >= requested)).await, Ok(Ok(_)))
    }
}

/// The maintenance task of a context.
struct Task {
    database: Database,
    rows: i64,
    log: Arc<watch::Sender<LogState>>,
    rounds: watch::Sender<u64>,
}

impl Task {
    /// Makes a round for each request, and at the latest after [`IDLE`].
    async fn run(&self, mut demand: watch::Receiver<PartitionDemand>) {
        let mut pause = PAUSE.0;
        loop {
            let PartitionDemand { seq, rounds } = *demand.borrow_and_update();
            let round = timeout(ROUND, self.round(seq)).await;
            let Err(error) = round.unwrap_or_else(|_| Err("no answer in time".to_owned())) else {
                self.rounds.send_replace(rounds);
                pause = PAUSE.0;
                let _ = timeout(jitter(IDLE), demand.changed()).await;
                continue;
            };
            let context = self.database.schema();
            tracing::warn!(context, error, room = self.log.borrow().room, "no partition could be made ahead of need");
            sleep(jitter(pause)).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Makes the missing partitions: room for one more partition beyond `seq` in the log, and the next days of the
    /// inbox.
    async fn round(&self, seq: i64) -> Result<(), String> {
        let describe = |error| describe(&error);
        let client = self.database.client(SESSION).await.map_err(describe)?;
        let mut until = partitions::until(&client).await.map_err(describe)?;
        self.note(until);
        while until < seq.saturating_add(self.rows) {
            until = partitions::extend(&client, self.database.schema(), until, self.rows).await.map_err(describe)?;
            self.note(until);
        }
        partitions::extend_inbox(&client, self.database.schema()).await.map_err(describe)
    }

    fn note(&self, until: i64) {
        self.log.send_if_modified(|log| {
            let changed = log.until() != until;
            log.room = until - log.last;
            changed
        });
    }
}
