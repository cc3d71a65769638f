//! Partition maintenance: partitions of the log and the inbox are made ahead of need by a task of its own, on a
//! connection that lives for one round. A lock on the tables (`ANALYZE`, `VACUUM`, a detach) delays it, never a commit.

use super::{
    super::{connector::describe, database::Database, partitions},
    LogState,
};
use crate::infrastructure::supervise::{Supervisor, jitter};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

/// The settings of a session. The wait for a lock is short, because other sessions queue behind one that waits.
const SESSION: &str = "SET lock_timeout = 500; SET statement_timeout = 5000";
/// The longest time that a round may take, also if the server does not answer.
const ROUND: Duration = Duration::from_secs(10);
/// The first and the longest pause after a round that failed.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// The longest time between two rounds. Partitions of the inbox are made days ahead.
const IDLE: Duration = Duration::from_secs(3_600);

/// The committer's handle on the maintenance task. Both note in `log` how far the log goes and how much room it has.
pub(super) struct Maintenance {
    log: Arc<watch::Sender<LogState>>,
    rows: i64,
    demand: watch::Sender<PartitionDemand>,
    done: watch::Receiver<u64>,
}

/// The next round's work.
#[derive(Debug, Clone, Copy, Default)]
struct PartitionDemand {
    /// The number of the log beyond which a partition of room is wanted.
    seq: i64,
    /// The number of requests to look again at everything.
    looks: u64,
}

impl Maintenance {
    /// Starts the task, which makes a first round at once. `rows` is the size of a partition of the log.
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

    /// Asks for more room once half of a partition is left.
    pub(super) fn keep_ahead(&self) {
        let LogState { last, room } = *self.log.borrow();
        if room < self.rows / 2 {
            self.want(last);
        }
    }

    fn want(&self, seq: i64) {
        self.demand.send_modify(|demand| demand.seq = seq);
    }

    /// Waits, at most until `deadline`, for room up to the number `seq`. It does not wait while there is room.
    pub(super) async fn room(&self, seq: i64, deadline: Instant) -> bool {
        if self.log.borrow().until() >= seq {
            return true;
        }
        let mut log = self.log.subscribe();
        self.want(seq);
        matches!(timeout_at(deadline, log.wait_for(|log| log.until() >= seq)).await, Ok(Ok(_)))
    }

    /// Waits, at most until `deadline`, for a round that begins after the call and succeeds.
    pub(super) async fn round(&self, deadline: Instant) -> bool {
        self.demand.send_modify(|demand| demand.looks += 1);
        let looks = self.demand.borrow().looks;
        matches!(timeout_at(deadline, self.done.clone().wait_for(|done| *done >= looks)).await, Ok(Ok(_)))
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
    /// Makes rounds when asked, and at the latest after [`IDLE`].
    async fn run(&self, mut demand: watch::Receiver<PartitionDemand>) {
        let mut pause = PAUSE.0;
        loop {
            let PartitionDemand { seq, looks } = *demand.borrow_and_update();
            let round = timeout(ROUND, self.round(seq)).await;
            let Err(error) = round.unwrap_or_else(|_| Err("no answer in time".to_owned())) else {
                self.rounds.send_replace(looks);
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

    /// Makes what is missing: a partition of room in the log beyond `seq`, and the days to come in the inbox.
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
