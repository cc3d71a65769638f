//! The queues of messages by key: one message of a key runs, the others wait in its queue.
//!
//! All of it is in memory. A message that is lost with the process is read again, because its position is stored only
//! after it is settled.
//!
//! | key | event | next state |
//! |---|---|---|
//! | no queue | a message arrives | it runs, the queue is empty |
//! | a message runs | another one arrives | it waits in the queue; a full queue pauses its partition |
//! | a message runs | it finishes, others wait | the next one runs; a half-empty queue resumes its partitions |
//! | a message runs | it finishes, none waits | no queue |
//! | messages wait | their partition is revoked | they are dropped; the one that runs finishes |

use super::{channel::Drained, received_message::ReceivedMessage};
use crate::infrastructure::broker::{Delivery, Partition};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use tokio::sync::watch;

/// The scope in which messages keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum MessageKey {
    /// A key of a topic.
    Keyed(Arc<str>, Vec<u8>),
    /// A message without a key, by its offset: it has no order.
    Unkeyed(Partition, i64),
    /// The retries of a key's parked messages.
    Parked(Box<MessageKey>),
}

impl MessageKey {
    pub(super) fn of(delivery: &Delivery) -> Self {
        match &delivery.key {
            Some(key) => Self::Keyed(Arc::clone(&delivery.partition.topic), key.clone()),
            None => Self::Unkeyed(delivery.partition.clone(), delivery.offset),
        }
    }

    /// Returns the key under which a parked message is retried. Messages that arrive meanwhile are parked behind it.
    pub(super) fn parked(delivery: &Delivery) -> Self {
        Self::Parked(Box::new(Self::of(delivery)))
    }
}

/// A message that has run, so that the next one of its key may run.
pub(super) struct Finished {
    pub(super) key: MessageKey,
    pub(super) partition: Partition,
    /// The message's offset if it is settled. None for a parked message, which was settled when it was parked.
    pub(super) settled: Option<i64>,
}

/// The messages and bytes at which a queue is full: a quarter of the in-flight limit, so that one key leaves room for
/// the others. While a queue is full, the partition of each message that arrives is paused, until the queue is half
/// empty.
const FULL: (usize, usize) = (super::MAX_MESSAGES / 4, super::MAX_BYTES / 4);

/// The messages of a key that wait.
#[derive(Default)]
struct KeyQueue {
    messages: VecDeque<ReceivedMessage>,
    bytes: usize,
    /// The partitions that are paused because of this queue.
    paused: BTreeSet<Partition>,
}

impl KeyQueue {
    fn push(&mut self, message: ReceivedMessage) {
        self.bytes += message.permit.bytes();
        self.messages.push_back(message);
    }

    fn pop(&mut self) -> Option<ReceivedMessage> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.permit.bytes();
        Some(message)
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= FULL.0 || self.bytes >= FULL.1
    }

    fn is_half_empty(&self) -> bool {
        self.messages.len() <= FULL.0 / 2 && self.bytes <= FULL.1 / 2
    }
}

/// The messages in flight, by key.
pub(super) struct KeyQueues<'a> {
    running: FuturesUnordered<BoxFuture<'a, Finished>>,
    /// One queue for each key of which a message runs.
    queues: HashMap<MessageKey, KeyQueue>,
    /// Sends the set of paused partitions to the read loop.
    paused: watch::Sender<BTreeSet<Partition>>,
    /// The number of running messages of each partition.
    running_by_partition: HashMap<Partition, usize>,
    /// The revoked partitions of which messages are still running.
    draining: HashMap<Partition, Drained>,
}

impl<'a> KeyQueues<'a> {
    pub(super) fn new(paused: watch::Sender<BTreeSet<Partition>>) -> Self {
        Self {
            running: FuturesUnordered::new(),
            queues: HashMap::new(),
            paused,
            running_by_partition: HashMap::new(),
            draining: HashMap::new(),
        }
    }

    /// Runs a message if none of its key is running, else queues it.
    pub(super) fn push(
        &mut self,
        key: MessageKey,
        message: ReceivedMessage,
        run: impl FnOnce(MessageKey, ReceivedMessage) -> BoxFuture<'a, Finished>,
    ) {
        if let Some(queue) = self.queues.get_mut(&key) {
            let partition = message.delivery.partition.clone();
            queue.push(message);
            if queue.is_full() && queue.paused.insert(partition) {
                self.send_paused();
            }
        } else {
            self.queues.insert(key.clone(), KeyQueue::default());
            self.start(key, message, run);
        }
    }

    fn send_paused(&self) {
        let paused = self.queues.values().flat_map(|queue| &queue.paused).cloned().collect();
        self.paused.send_replace(paused);
    }

    fn start(
        &mut self,
        key: MessageKey,
        message: ReceivedMessage,
        run: impl FnOnce(MessageKey, ReceivedMessage) -> BoxFuture<'a, Finished>,
    ) {
        *self.running_by_partition.entry(message.delivery.partition.clone()).or_default() += 1;
        self.running.push(run(key, message));
    }

    /// Waits until a running message finishes. Returns none if none is running.
    pub(super) async fn finished(&mut self) -> Option<Finished> {
        self.running.next().await
    }

    /// Runs the next message of the key of a finished one.
    pub(super) fn run_next(
        &mut self,
        finished: Finished,
        run: impl FnOnce(MessageKey, ReceivedMessage) -> BoxFuture<'a, Finished>,
    ) {
        let running = self.running_by_partition.entry(finished.partition.clone()).or_default();
        *running = running.saturating_sub(1);
        if *running == 0 {
            self.running_by_partition.remove(&finished.partition);
            self.draining.remove(&finished.partition);
        }
        let Some(queue) = self.queues.get_mut(&finished.key) else { return };
        let next = queue.pop();
        let resumes = queue.is_half_empty() && !std::mem::take(&mut queue.paused).is_empty();
        match next {
            Some(next) => self.start(finished.key, next, run),
            None => drop(self.queues.remove(&finished.key)),
        }
        if resumes {
            self.send_paused();
        }
    }

    /// Drops the queued messages of a revoked partition. Drops `drained` when none of its messages is running.
    pub(super) fn revoke(&mut self, partition: &Partition, drained: Drained) {
        for queue in self.queues.values_mut() {
            queue.messages.retain(|message| message.delivery.partition != *partition);
            queue.bytes = queue.messages.iter().map(|message| message.permit.bytes()).sum();
            queue.paused.remove(partition);
        }
        self.send_paused();
        if self.running_by_partition.contains_key(partition) {
            self.draining.insert(partition.clone(), drained);
        }
    }
}
