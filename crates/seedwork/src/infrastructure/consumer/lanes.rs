//! What is in work: one message a lane, and what waits behind it.

use super::{message::Message, news::Released};
use crate::infrastructure::broker::{Delivery, Partition};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use tokio::sync::watch;

/// What orders messages: the key in its topic; a message without one is its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Key(Arc<str>, Vec<u8>),
    Alone(Partition, i64),
    Parked(Box<Lane>),
}

impl Lane {
    pub(super) fn of(delivery: &Delivery) -> Self {
        match &delivery.key {
            Some(key) => Self::Key(Arc::clone(&delivery.partition.topic), key.clone()),
            None => Self::Alone(delivery.partition.clone(), delivery.offset),
        }
    }

    /// The lane in which a parked message is retried. Messages of its key that arrive meanwhile are parked behind it.
    pub(super) fn parked(delivery: &Delivery) -> Self {
        Self::Parked(Box::new(Self::of(delivery)))
    }
}

/// A message that is not in work any more, and the lane that is free for the next one.
pub(super) struct Ended {
    pub(super) lane: Lane,
    pub(super) partition: Partition,
    /// Its offset, when it is settled; a parked one was settled before.
    pub(super) settled: Option<i64>,
}

/// The most messages and bytes that may wait in a lane: a quarter of the window. While a lane is full, the partition of
/// each message that enters it is held, until the lane is half empty. So one key leaves room for the others.
const FULL: (usize, usize) = (super::MESSAGES / 4, super::BYTES / 4);

/// The messages that wait in a lane.
#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    /// The partitions that are held because of this lane.
    holds: BTreeSet<Partition>,
}

impl Queue {
    fn push(&mut self, message: Message) {
        self.bytes += message.room.bytes();
        self.messages.push_back(message);
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.room.bytes();
        Some(message)
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= FULL.0 || self.bytes >= FULL.1
    }

    fn is_half_empty(&self) -> bool {
        self.messages.len() <= FULL.0 / 2 && self.bytes <= FULL.1 / 2
    }
}

/// The messages in work: one runs in each lane, the others wait behind it.
pub(super) struct Lanes<'a> {
    running: FuturesUnordered<BoxFuture<'a, Ended>>,
    waiting: HashMap<Lane, Queue>,
    /// The partitions from which nothing is read for now.
    held: watch::Sender<BTreeSet<Partition>>,
    /// How many messages of each partition are running.
    by_partition: HashMap<Partition, usize>,
    /// Whom to tell when nothing of a partition is running any more.
    leaving: HashMap<Partition, Released>,
}

impl<'a> Lanes<'a> {
    /// Creates empty lanes. `held` carries the set of held partitions to the reader.
    pub(super) fn new(held: watch::Sender<BTreeSet<Partition>>) -> Self {
        Self {
            running: FuturesUnordered::new(),
            waiting: HashMap::new(),
            held,
            by_partition: HashMap::new(),
            leaving: HashMap::new(),
        }
    }

    /// Lets a message run when its lane is free; else it waits there.
    pub(super) fn enter(
        &mut self,
        lane: Lane,
        message: Message,
        run: impl FnOnce(Lane, Message) -> BoxFuture<'a, Ended>,
    ) {
        if let Some(queue) = self.waiting.get_mut(&lane) {
            let partition = message.delivery.partition.clone();
            queue.push(message);
            if queue.is_full() && queue.holds.insert(partition) {
                self.tell();
            }
        } else {
            self.waiting.insert(lane.clone(), Queue::default());
            self.start(lane, message, run);
        }
    }

    /// Sends the set of held partitions to the reader.
    fn tell(&self) {
        let held = self.waiting.values().flat_map(|queue| &queue.holds).cloned().collect();
        self.held.send_replace(held);
    }

    fn start(&mut self, lane: Lane, message: Message, run: impl FnOnce(Lane, Message) -> BoxFuture<'a, Ended>) {
        *self.by_partition.entry(message.delivery.partition.clone()).or_default() += 1;
        self.running.push(run(lane, message));
    }

    /// The next message that ends; none when nothing runs.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        self.running.next().await
    }

    /// Lets what waits behind a message that ended run.
    pub(super) fn follow(&mut self, ended: Ended, run: impl FnOnce(Lane, Message) -> BoxFuture<'a, Ended>) {
        let running = self.by_partition.entry(ended.partition.clone()).or_default();
        *running = running.saturating_sub(1);
        if *running == 0 {
            self.by_partition.remove(&ended.partition);
            self.leaving.remove(&ended.partition);
        }
        let Some(queue) = self.waiting.get_mut(&ended.lane) else { return };
        let next = queue.pop();
        let released = queue.is_half_empty() && !std::mem::take(&mut queue.holds).is_empty();
        match next {
            Some(next) => self.start(ended.lane, next, run),
            None => drop(self.waiting.remove(&ended.lane)),
        }
        if released {
            self.tell();
        }
    }

    /// Forgets what waits of a partition; `released` is dropped when nothing of it is running any more.
    pub(super) fn leave(&mut self, partition: &Partition, released: Released) {
        for queue in self.waiting.values_mut() {
            queue.messages.retain(|message| message.delivery.partition != *partition);
            queue.bytes = queue.messages.iter().map(|message| message.room.bytes()).sum();
            queue.holds.remove(partition);
        }
        self.tell();
        if self.by_partition.contains_key(partition) {
            self.leaving.insert(partition.clone(), released);
        }
    }
}
