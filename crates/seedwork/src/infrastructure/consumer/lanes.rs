//! What is in work: one message a lane, and what waits behind it.

use super::{message::Message, news::Released};
use crate::infrastructure::broker::{Delivery, Partition};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

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

    /// The lane in which a parked message is tried: those of its key that come meanwhile are parked behind it.
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

/// What is in work.
#[derive(Default)]
pub(super) struct Lanes<'a> {
    running: FuturesUnordered<BoxFuture<'a, Ended>>,
    waiting: HashMap<Lane, VecDeque<Message>>,
    queued: usize,
    /// How many messages of each partition are running.
    by_partition: HashMap<Partition, usize>,
    /// Whom to tell when nothing of a partition is running any more.
    leaving: HashMap<Partition, Released>,
}

impl<'a> Lanes<'a> {
    /// How many messages are open.
    pub(super) fn open(&self) -> usize {
        self.running.len() + self.queued
    }

    /// Lets a message run when its lane is free; else it waits there.
    pub(super) fn enter(
        &mut self,
        lane: Lane,
        message: Message,
        run: impl FnOnce(Lane, Message) -> BoxFuture<'a, Ended>,
    ) {
        if let Some(queue) = self.waiting.get_mut(&lane) {
            self.queued += 1;
            queue.push_back(message);
        } else {
            self.waiting.insert(lane.clone(), VecDeque::new());
            self.start(lane, message, run);
        }
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
        match self.waiting.get_mut(&ended.lane).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.queued -= 1;
                self.start(ended.lane, next, run);
            }
            None => drop(self.waiting.remove(&ended.lane)),
        }
    }

    /// Forgets what waits of a partition; `released` is dropped when nothing of it is running any more.
    pub(super) fn leave(&mut self, partition: &Partition, released: Released) {
        for queue in self.waiting.values_mut() {
            let before = queue.len();
            queue.retain(|message| message.delivery.partition != *partition);
            self.queued -= before - queue.len();
        }
        if self.by_partition.contains_key(partition) {
            self.leaving.insert(partition.clone(), released);
        }
    }
}
