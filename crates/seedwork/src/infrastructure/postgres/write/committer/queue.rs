//! Units of work on their way to the committer. Units of requests and units of messages have a queue each. If both are
//! full, each gets half of a group, so that a flood of one does not delay the other.

use crate::{
    application::{Committed, MessageIdentity, StorageError},
    infrastructure::postgres::{
        reply::{self, ReplySender},
        tables::changes::Change,
        write::{
            inbox::{self, InboxCalls, Parking},
            lanes::Lane,
            outbox::OutboxMessage,
        },
    },
};
use std::{
    iter::Sum,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};

/// The most units that may wait in a queue.
const UNITS: usize = 8_192;
/// The most KiB of writes that may wait in a queue.
const KIBIBYTES: usize = 128 * 1024;
/// The most units that share a transaction.
const GROUP_UNITS: usize = 1_024;
/// The most rows that share a transaction.
const GROUP_ROWS: usize = 16_384;
/// The most bytes of writes that share a transaction.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// The writes of one unit of work.
#[derive(Default)]
pub(in super::super) struct Writes {
    pub(in super::super) changes: Vec<Change>,
    pub(in super::super) messages: Vec<OutboxMessage>,
    /// The message that the unit is the effect of.
    pub(in super::super) consumed: Option<Arc<MessageIdentity>>,
    /// True if later units write more of the message's effect. The last of them claims it.
    pub(in super::super) has_more: bool,
    /// The message to park. It has no effect.
    pub(in super::super) parking: Option<Parking>,
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.messages.is_empty() && self.consumed.is_none() && self.parking.is_none()
    }

    /// Returns true for a unit of a message, false for one of a request.
    fn is_of_a_message(&self) -> bool {
        self.parking.is_some() || self.consumed.as_ref().is_some_and(|consumed| !consumed.topic.is_empty())
    }

    /// Adds the unit's effect on the inbox to `calls`.
    pub(super) fn add_claims<'a>(&'a self, calls: &mut InboxCalls<'a>) {
        if let Some(consumed) = &self.consumed {
            calls.add(consumed, self.has_more);
        }
        if let Some(parking) = &self.parking {
            calls.park(parking);
        }
    }

    fn size(&self) -> Size {
        let changes = self.changes.iter().map(|change| Size { rows: change.rows(), bytes: change.bytes() });
        let messages = self.messages.iter().map(|message| Size { rows: 1, bytes: message.bytes() });
        let parked = self.parking.iter().map(|parking| Size { rows: 1, bytes: parking.bytes() });
        let claims = self.consumed.iter().chain(self.parking.iter().map(|parking| &parking.consumed));
        let claims = claims.map(|consumed| Size { rows: 1, bytes: inbox::claim_bytes(consumed) });
        changes.chain(messages).chain(parked).chain(claims).sum()
    }
}

/// The size of a unit's writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    rows: usize,
    /// Their size in memory.
    bytes: usize,
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), |sum, size| Self { rows: sum.rows + size.rows, bytes: sum.bytes + size.bytes })
    }
}

/// The outcome of a unit, and its writes, which the thread that made them frees.
type CommitReply = (Result<Committed, StorageError>, Writes);

/// A unit of work that waits to be committed.
pub(super) struct Unit {
    pub(super) writes: Writes,
    pub(super) deadline: Instant,
    size: Size,
    decision: Arc<CommitDecision>,
    reply: ReplySender<CommitReply>,
    // Freed when the outcome is known, also if the caller has given up.
    _lanes: Vec<Lane>,
    _room: OwnedSemaphorePermit,
}

impl Unit {
    /// Frees the lanes, and returns the reply for [`reply::deliver`].
    pub(super) fn into_reply(
        self,
        outcome: Result<Committed, StorageError>,
    ) -> (ReplySender<CommitReply>, CommitReply) {
        (self.reply, (outcome, self.writes))
    }

    /// Returns true if the caller still waits.
    pub(super) fn is_wanted(&self) -> bool {
        self.decision.0.load(Ordering::Acquire) != GIVEN_UP
    }

    /// Decides, right before a COMMIT, that the unit is part of it. Returns false if the caller has given up.
    pub(super) fn joins_the_commit(&self) -> bool {
        self.decision.decide(COMMITTING) || self.is_wanted()
    }
}

const WAITING: u8 = 0;
const COMMITTING: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The decision of the race between a COMMIT and the unit's deadline. A caller that gets `Unavailable` can rely on it.
#[derive(Default)]
struct CommitDecision(AtomicU8);

impl CommitDecision {
    fn decide(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Sends units to the committer.
#[derive(Clone)]
pub(super) struct UnitSender {
    requests: QueueSender,
    messages: QueueSender,
}

/// The sending half of one queue.
#[derive(Clone)]
struct QueueSender {
    units: mpsc::Sender<Unit>,
    room: Arc<Semaphore>,
}

/// Receives units in groups. It outlives a committer that panics.
#[derive(Clone)]
pub(super) struct UnitReceiver(Arc<Mutex<Receivers>>);

struct Receivers {
    requests: mpsc::Receiver<Unit>,
    messages: mpsc::Receiver<Unit>,
}

/// The queues of a committer.
pub(super) fn queues() -> (UnitSender, UnitReceiver) {
    let queue = || {
        let (units, receiver) = mpsc::channel(UNITS);
        (QueueSender { units, room: Arc::new(Semaphore::new(KIBIBYTES)) }, receiver)
    };
    let ((requests, from_requests), (messages, from_messages)) = (queue(), queue());
    let receivers = Receivers { requests: from_requests, messages: from_messages };
    (UnitSender { requests, messages }, UnitReceiver(Arc::new(Mutex::new(receivers))))
}

impl UnitSender {
    /// Queues a unit and waits for its outcome, at most until the deadline. If the queue is full, a message waits, and
    /// a request is refused, because its client can retry.
    pub(super) async fn commit(
        &self,
        writes: Writes,
        lanes: Vec<Lane>,
        deadline: Instant,
    ) -> Result<Committed, StorageError> {
        let size = writes.size();
        // A unit larger than the queue takes all of its room.
        let kibibytes = size.bytes.div_ceil(1024).min(KIBIBYTES) as u32;
        let (slot, room) = match writes.is_of_a_message() {
            true => self.messages.reserve(kibibytes, deadline).await?,
            false => self.requests.try_reserve(kibibytes)?,
        };
        let (reply, outcome) = reply::channel();
        let decision = Arc::new(CommitDecision::default());
        slot.send(Unit { writes, deadline, size, decision: Arc::clone(&decision), reply, _lanes: lanes, _room: room });
        match tokio::time::timeout_at(deadline, outcome).await {
            Ok(Ok((outcome, _writes))) => outcome,
            // The committer panicked while it had the unit.
            Ok(Err(_)) => Err(StorageError::Unknown),
            Err(_) if decision.decide(GIVEN_UP) => Err(StorageError::Unavailable),
            Err(_) => Err(StorageError::Unknown),
        }
    }
}

impl QueueSender {
    /// Reserves a slot in the queue, if one is free.
    fn try_reserve(&self, kibibytes: u32) -> Result<QueueSlot<'_>, StorageError> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(kibibytes).map_err(|_| StorageError::Overloaded)?;
        let slot = self.units.try_reserve().map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(()) => StorageError::Overloaded,
            mpsc::error::TrySendError::Closed(()) => StorageError::Unavailable,
        })?;
        Ok((slot, room))
    }

    /// Reserves a slot in the queue as soon as one is free.
    async fn reserve(&self, kibibytes: u32, deadline: Instant) -> Result<QueueSlot<'_>, StorageError> {
        let slot = async {
            let room = Arc::clone(&self.room).acquire_many_owned(kibibytes).await.ok()?;
            Some((self.units.reserve().await.ok()?, room))
        };
        tokio::time::timeout_at(deadline, slot).await.ok().flatten().ok_or(StorageError::Unavailable)
    }
}

/// A reserved slot in a queue, and room for the bytes.
type QueueSlot<'a> = (mpsc::Permit<'a, Unit>, OwnedSemaphorePermit);

impl Receivers {
    /// Returns the next unit. The queues take turns as long as both have units.
    fn next(&mut self, turn: usize) -> Option<Unit> {
        let (first, second) = match turn % 2 {
            0 => (&mut self.requests, &mut self.messages),
            _ => (&mut self.messages, &mut self.requests),
        };
        first.try_recv().or_else(|_| second.try_recv()).ok()
    }

    /// Waits for a unit. Returns none if the queues are closed and empty.
    async fn first(&mut self) -> Option<Unit> {
        tokio::select! {
            Some(unit) = self.requests.recv() => Some(unit),
            Some(unit) = self.messages.recv() => Some(unit),
            else => None,
        }
    }
}

impl UnitReceiver {
    /// Waits for units, and returns all that are queued, within the limits of a group. The units in `held` had to wait
    /// for the last group, and go first. Returns no units if the queues are closed and empty.
    pub(super) async fn next_group(&self, mut held: Vec<Unit>) -> Vec<Unit> {
        let mut units = self.0.lock().await;
        if held.is_empty() {
            let Some(first) = units.first().await else { return held };
            held.push(first);
        }
        let mut size: Size = held.iter().map(|unit| unit.size).sum();
        while held.len() < GROUP_UNITS && size.rows < GROUP_ROWS && size.bytes < GROUP_BYTES {
            let Some(unit) = units.next(held.len()) else { break };
            size = [size, unit.size].into_iter().sum();
            held.push(unit);
        }
        held
    }

    /// Closes the queues. Queued units can still be received.
    pub(super) async fn close(&self) {
        let mut units = self.0.lock().await;
        units.requests.close();
        units.messages.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Clock, SystemClock},
        infrastructure::postgres::tables::row::{Column, Param, Projection, Row, RowRole, Table},
    };
    use futures_util::FutureExt;
    use std::{pin::Pin, time::Duration};
    use tokio::task::unconstrained;

    fn of_a_message() -> Writes {
        let consumed = MessageIdentity {
            source: "/sta/other".into(),
            id: "1".into(),
            topic: "events-other".into(),
            partition: 0,
            key: None,
            parked: None,
        };
        Writes { consumed: Some(Arc::new(consumed)), ..Writes::default() }
    }

    type Sent = Pin<Box<dyn Future<Output = Result<Committed, StorageError>>>>;

    /// Sends units. They wait, because no committer runs.
    fn send(sender: &UnitSender, count: usize, writes: fn() -> Writes) -> Vec<Sent> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut sent: Vec<Sent> = Vec::new();
        for _ in 0..count {
            let sender = sender.clone();
            sent.push(Box::pin(async move { sender.commit(writes(), Vec::new(), deadline).await }));
        }
        assert!(sent.iter_mut().all(waits));
        sent
    }

    fn waits(sent: &mut Sent) -> bool {
        unconstrained(sent).now_or_never().is_none()
    }

    fn messages(group: &[Unit]) -> usize {
        group.iter().filter(|unit| unit.writes.is_of_a_message()).count()
    }

    #[tokio::test]
    async fn a_flood_of_messages_does_not_keep_requests_waiting() {
        let (sender, receiver) = queues();
        let _flood = send(&sender, 5_000, of_a_message);
        let _requests = send(&sender, 100, Writes::default);
        let group = receiver.next_group(Vec::new()).await;
        assert_eq!((group.len(), messages(&group)), (GROUP_UNITS, GROUP_UNITS - 100));
    }

    #[tokio::test]
    async fn a_flood_of_requests_does_not_keep_messages_waiting() {
        let (sender, receiver) = queues();
        let _flood = send(&sender, 5_000, Writes::default);
        let _messages = send(&sender, 100, of_a_message);
        let group = receiver.next_group(Vec::new()).await;
        assert_eq!((group.len(), messages(&group)), (GROUP_UNITS, 100));
    }

    #[tokio::test]
    async fn two_floods_share_each_group() {
        let (sender, receiver) = queues();
        let (_requests, _messages) = (send(&sender, 5_000, Writes::default), send(&sender, 5_000, of_a_message));
        for _ in 0..4 {
            let group = receiver.next_group(Vec::new()).await;
            assert!((GROUP_UNITS / 2 - 1..=GROUP_UNITS / 2 + 1).contains(&messages(&group)), "{}", messages(&group));
        }
    }

    const MEBIBYTE: usize = 1024 * 1024;

    /// A row of 4 MiB.
    struct Large(String);

    impl Row for Large {
        const TABLE: &'static Table = &Table {
            name: "large",
            columns: &[("text", "text[]")],
            role: RowRole::Projection,
            key: &["text"],
            order: "text",
        };

        fn columns<'a>(rows: &[&'a Self]) -> Vec<Param<'a>> {
            vec![Box::new(rows.iter().map(|row| &row.0).collect::<Vec<_>>())]
        }

        fn bytes(&self) -> usize {
            Column::bytes(&self.0)
        }
    }

    impl Projection for Large {
        type Key = String;

        fn key(&self) -> String {
            self.0.clone()
        }

        fn order(&self) -> i64 {
            0
        }
    }

    fn of_a_large_row() -> Writes {
        let row = Large("x".repeat(4 * MEBIBYTE));
        Writes { changes: vec![Change::projection(row)], ..Writes::default() }
    }

    fn of_a_large_parked_message() -> Writes {
        let consumed = of_a_message().consumed.unwrap();
        let parking = Parking {
            consumed,
            offset: 0,
            headers: "x".repeat(2 * MEBIBYTE),
            value: Some(vec![0; 2 * MEBIBYTE]),
            tries: 0,
            due_at: SystemClock.now(),
            dead: false,
            behind: false,
            reason: String::new(),
        };
        Writes { parking: Some(parking), ..Writes::default() }
    }

    #[tokio::test]
    async fn the_bytes_of_rows_and_of_parked_messages_bound_queues_and_groups() {
        for writes in [of_a_large_row, of_a_large_parked_message] {
            let (sender, receiver) = queues();
            let queue = if writes().is_of_a_message() { &sender.messages } else { &sender.requests };
            let _sent = send(&sender, 8, writes);
            let taken = (KIBIBYTES - queue.room.available_permits()) / 1024;
            assert!((32..36).contains(&taken), "{taken} MiB of 32");
            assert_eq!(receiver.next_group(Vec::new()).await.len(), 4, "a group has 16 MiB at most");
        }
    }

    #[tokio::test]
    async fn without_room_a_request_is_refused_and_a_message_waits() {
        let (sender, receiver) = queues();
        let (_requests, _messages) = (send(&sender, UNITS, Writes::default), send(&sender, UNITS, of_a_message));
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(sender.commit(Writes::default(), Vec::new(), deadline).await, Err(StorageError::Overloaded));
        let mut last = send(&sender, 1, of_a_message);
        let mut taken = 0;
        let outcome = loop {
            if let Some(outcome) = unconstrained(&mut last[0]).now_or_never() {
                break outcome;
            }
            let group = receiver.next_group(Vec::new()).await;
            taken += group.len();
            reply::deliver(group.into_iter().map(|unit| unit.into_reply(Ok(Committed))));
            tokio::task::yield_now().await;
        };
        assert_eq!(outcome, Ok(Committed));
        assert!(taken > UNITS, "it overtook earlier messages");
    }
}
