//! Units of work on their way to the committer.

use super::super::{
    changes::Change,
    inbox::{InboxCalls, Parking},
    lanes::Lane,
    outbox::Message,
};
use crate::application::{CommitError, Committed, Heard};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::Instant,
};

/// How many units may wait; one more is refused.
const UNITS: usize = 8_192;
/// How many bytes of messages may wait, in KiB.
const KIBIBYTES: usize = 256 * 1024;
/// The most units that share a transaction.
const GROUP_UNITS: usize = 1_024;
/// The most rows that share a transaction.
const GROUP_ROWS: usize = 16_384;
/// The most bytes of messages that share a transaction.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// What one unit of work writes.
#[derive(Default)]
pub(in super::super) struct Writes {
    pub(in super::super) changes: Vec<Change>,
    pub(in super::super) messages: Vec<Message>,
    /// The message that all this is the effect of.
    pub(in super::super) heard: Option<Arc<Heard>>,
    /// Whether more of its effect is for other units, the last of which claims it.
    pub(in super::super) has_more: bool,
    /// The message that is set aside instead of having an effect.
    pub(in super::super) parking: Option<Parking>,
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.messages.is_empty() && self.heard.is_none() && self.parking.is_none()
    }

    /// What it does to the inbox.
    pub(super) fn hear<'a>(&'a self, calls: &mut InboxCalls<'a>) {
        if let Some(heard) = &self.heard {
            calls.add(heard, self.has_more);
        }
        if let Some(parking) = &self.parking {
            calls.park(parking);
        }
    }

    fn rows(&self) -> usize {
        self.messages.len() + self.changes.iter().map(Change::rows).sum::<usize>()
    }

    fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.body.len()).sum()
    }
}

/// A unit of work that waits for its group.
pub(super) struct Unit {
    pub(super) writes: Writes,
    pub(super) deadline: Instant,
    ticket: Arc<Ticket>,
    done: oneshot::Sender<Result<Committed, CommitError>>,
    // Freed when the outcome is known, whether or not anybody still waits for it.
    _lanes: Vec<Lane>,
    _room: OwnedSemaphorePermit,
}

impl Unit {
    /// Tells the outcome and frees the lanes.
    pub(super) fn answer(self, outcome: Result<Committed, CommitError>) {
        let _ = self.done.send(outcome);
    }

    /// Whether somebody still waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        self.ticket.0.load(Ordering::Acquire) != GIVEN_UP
    }

    /// Says, right before a COMMIT, that it will be a part of it; no, when the one who waited for it has given up.
    pub(super) fn joins_the_commit(&self) -> bool {
        self.ticket.claim(COMMITTING) || self.is_wanted()
    }
}

const WAITING: u8 = 0;
const COMMITTING: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Decides the race between a COMMIT and a deadline, so that whoever is told `Unavailable` can rely on it.
#[derive(Default)]
struct Ticket(AtomicU8);

impl Ticket {
    fn claim(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The entrance: gives units to the committer.
#[derive(Clone)]
pub(super) struct Entrance {
    units: mpsc::Sender<Unit>,
    room: Arc<Semaphore>,
}

/// The exit: gives groups to the committer. It outlives a committer that panics.
#[derive(Clone)]
pub(super) struct Exit(Arc<Mutex<mpsc::Receiver<Unit>>>);

/// A queue of units.
pub(super) fn queue() -> (Entrance, Exit) {
    let (sender, receiver) = mpsc::channel(UNITS);
    let room = Arc::new(Semaphore::new(KIBIBYTES));
    (Entrance { units: sender, room }, Exit(Arc::new(Mutex::new(receiver))))
}

impl Entrance {
    /// Queues a unit and waits for its outcome, at most until the deadline.
    pub(super) async fn commit(
        &self,
        writes: Writes,
        lanes: Vec<Lane>,
        deadline: Instant,
    ) -> Result<Committed, CommitError> {
        let kibibytes = u32::try_from(writes.bytes().div_ceil(1024)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kibibytes).map_err(|_| CommitError::Overloaded)?;
        let (done, outcome) = oneshot::channel();
        let ticket = Arc::new(Ticket::default());
        let unit = Unit { writes, deadline, ticket: Arc::clone(&ticket), done, _lanes: lanes, _room: room };
        self.units.try_send(unit).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => CommitError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => CommitError::Unavailable,
        })?;
        match tokio::time::timeout_at(deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            // The committer panicked with the unit in its hands.
            Ok(Err(_)) => Err(CommitError::Unknown),
            Err(_) if ticket.claim(GIVEN_UP) => Err(CommitError::Unavailable),
            Err(_) => Err(CommitError::Unknown),
        }
    }
}

impl Exit {
    /// Waits for units and takes all that are there, within the limits of a group. `held` are those that waited for the
    /// last group to end; they go first. Empty when the queue is closed and everything was taken.
    pub(super) async fn group(&self, mut held: Vec<Unit>) -> Vec<Unit> {
        let mut units = self.0.lock().await;
        let (mut rows, mut bytes) = (0, 0);
        for unit in &held {
            rows += unit.writes.rows();
            bytes += unit.writes.bytes();
        }
        if held.is_empty() {
            let Some(first) = units.recv().await else { return held };
            rows += first.writes.rows();
            bytes += first.writes.bytes();
            held.push(first);
        }
        while held.len() < GROUP_UNITS && rows < GROUP_ROWS && bytes < GROUP_BYTES {
            let Ok(unit) = units.try_recv() else { break };
            rows += unit.writes.rows();
            bytes += unit.writes.bytes();
            held.push(unit);
        }
        held
    }

    /// Takes nothing new from now on; what is queued is still taken.
    pub(super) async fn close(&self) {
        self.0.lock().await.close();
    }
}
