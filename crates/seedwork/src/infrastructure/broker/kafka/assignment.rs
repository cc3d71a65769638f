//! What a member of a group has, between the thread that Kafka tells it on and the one who reads.

use super::client;
use crate::infrastructure::broker::{Delivery, Partition, Positions, Share};
use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::Notify};

/// How long a member that does not ask for its share keeps it.
pub(super) const TERM: Duration = Duration::from_secs(10);
/// How long what a member gives up is waited for.
const RELEASE: Duration = Duration::from_secs(5);
/// The pause before positions that could not be had are asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// What a member has.
pub(super) struct Assignment {
    positions: Positions,
    runtime: Handle,
    state: Mutex<State>,
    changed: Condvar,
    pub(super) news: Notify,
}

#[derive(Default)]
struct State {
    /// What is read ahead of each partition that the member has.
    ahead: BTreeMap<Partition, VecDeque<Delivery>>,
    /// The memory of all messages in `ahead`, in bytes.
    bytes: usize,
    /// The partitions of which the member takes nothing for now.
    held: BTreeSet<Partition>,
    /// The messages that are read ahead of held partitions, and their memory in bytes. They take no room from the other
    /// partitions: `bytes` does not count them.
    aside: BTreeMap<Partition, (VecDeque<Delivery>, usize)>,
    /// The number of batches that were taken. Each begins with another partition.
    batches: usize,
    /// The number of times that the partitions were paused.
    pauses: u64,
    /// What the member has not been told yet.
    share: Share,
    /// What it is told to give up, and has not released.
    leaving: BTreeSet<Partition>,
    failure: Option<String>,
    asked: Option<Instant>,
    closed: bool,
}

impl Assignment {
    pub(super) fn new(positions: Positions, runtime: Handle) -> Self {
        Self { positions, runtime, state: Mutex::default(), changed: Condvar::new(), news: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What changed, for the member; an error when its client failed for good.
    pub(super) fn share(&self) -> Result<Share, String> {
        let mut state = self.state();
        state.asked = Some(Instant::now());
        self.changed.notify_all();
        match state.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(std::mem::take(&mut state.share)),
        }
    }

    pub(super) fn release(&self, lost: &[Partition]) {
        self.state().leaving.retain(|leaving| !lost.contains(leaving));
        self.changed.notify_all();
    }

    /// Takes a batch of what is read ahead: up to `count` messages, and no more after `bytes`. Messages of a partition
    /// stay until `share` has returned it as gained: the member can do nothing with them before, and they would be
    /// lost.
    pub(super) fn take(&self, count: usize, bytes: usize) -> Vec<Delivery> {
        let mut state = self.state();
        let State { ahead, bytes: buffered, batches, share, .. } = &mut *state;
        let is_told = |partition: &Partition| share.gained.iter().all(|(gained, _)| gained != partition);
        let mut queues: Vec<_> =
            ahead.iter_mut().filter(|(partition, queue)| !queue.is_empty() && is_told(partition)).collect();
        if queues.is_empty() {
            return Vec::new();
        }
        *batches = batches.wrapping_add(1);
        // Each partition gives at most the same number of messages, and each comes first in turn. So none holds up the
        // others.
        let (each, first) = ((count / queues.len()).max(1), *batches % queues.len());
        queues.rotate_left(first);
        let (mut taken, mut size) = (Vec::with_capacity(count.min(1_024)), 0);
        for (_, queue) in queues {
            let mut left = each;
            while left > 0
                && size < bytes
                && let Some(delivery) = queue.pop_front()
            {
                size += delivery.bytes();
                left -= 1;
                taken.push(delivery);
            }
        }
        *buffered -= size;
        drop(state);
        self.changed.notify_all();
        taken
    }

    /// Holds partitions: none of their messages is taken until another set is held.
    pub(super) fn hold(&self, held: &BTreeSet<Partition>) {
        let mut state = self.state();
        if state.held == *held {
            return;
        }
        let State { ahead, bytes, aside, .. } = &mut *state;
        let released: Vec<Partition> = aside.keys().filter(|known| !held.contains(known)).cloned().collect();
        for partition in released {
            let (queue, size) = aside.remove(&partition).unwrap_or_default();
            *bytes += size;
            ahead.insert(partition, queue);
        }
        for partition in held {
            if let Some(queue) = ahead.remove(partition) {
                let size = queue.iter().map(Delivery::bytes).sum();
                *bytes -= size;
                aside.insert(partition.clone(), (queue, size));
            }
        }
        state.held.clone_from(held);
        drop(state);
        self.changed.notify_all();
    }

    /// The held partitions of which `limit` bytes or more are read ahead.
    pub(super) fn full_of_held(&self, limit: usize) -> BTreeSet<Partition> {
        let state = self.state();
        state.aside.iter().filter(|(_, (_, bytes))| *bytes >= limit).map(|(partition, _)| partition.clone()).collect()
    }

    /// The client is to end.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Whether the member has asked for its share lately.
    pub(super) fn is_alive(&self) -> bool {
        self.state().asked.is_none_or(|asked| asked.elapsed() < TERM)
    }

    /// Waits until the member asks again, or the client is to end.
    pub(super) fn wait_for_life(&self) {
        let state = self.state();
        let gone = |state: &mut State| !state.closed && state.asked.is_some_and(|asked| asked.elapsed() >= TERM);
        drop(self.changed.wait_while(state, gone));
    }

    /// The memory of what is read ahead, in bytes, without held partitions.
    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Waits, at most for `patience`, until less than `limit` bytes are read ahead, or the client is to end. Returns
    /// false if the time ran out.
    pub(super) fn has_room(&self, limit: usize, patience: Duration) -> bool {
        let full = |state: &mut State| state.bytes >= limit && !state.closed;
        let waited = self.changed.wait_timeout_while(self.state(), patience, full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Counts a pause of the partitions. Returns the number of pauses so far.
    pub(super) fn count_pause(&self) -> u64 {
        let mut state = self.state();
        state.pauses += 1;
        state.pauses
    }

    #[cfg(test)]
    pub(super) fn pauses(&self) -> u64 {
        self.state().pauses
    }

    /// Keeps a message for the member, unless it has lost the partition.
    pub(super) fn put(&self, delivery: Delivery) {
        let mut state = self.state();
        let bytes = delivery.bytes();
        if let Some(queue) = state.ahead.get_mut(&delivery.partition) {
            queue.push_back(delivery);
            state.bytes += bytes;
            drop(state);
            self.news.notify_one();
        } else if let Some((queue, size)) = state.aside.get_mut(&delivery.partition) {
            queue.push_back(delivery);
            *size += bytes;
        }
    }

    /// The client failed for good: the member is told when it asks.
    pub(super) fn fail(&self, error: String) {
        self.state().failure.get_or_insert(error);
        self.news.notify_one();
    }

    /// Where to begin in each partition; none when the client is to end before that is known.
    fn positions(&self, partitions: &[Partition]) -> Option<Vec<i64>> {
        loop {
            match self.runtime.block_on((self.positions)(partitions.to_vec())) {
                Ok(positions) => return Some(positions),
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "positions cannot be had; they are asked for again")
                }
            }
            let state = self.state();
            let (state, _) = self
                .changed
                .wait_timeout_while(state, PAUSE, |state| !state.closed)
                .unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return None;
            }
        }
    }

    fn gain(&self, partitions: Vec<Partition>, positions: &[i64]) {
        let mut state = self.state();
        for (partition, position) in partitions.into_iter().zip(positions) {
            if state.held.contains(&partition) {
                state.aside.insert(partition.clone(), Default::default());
            } else {
                state.ahead.insert(partition.clone(), VecDeque::new());
            }
            state.share.gained.push((partition, *position));
        }
        drop(state);
        self.news.notify_one();
    }

    /// Takes partitions from the member, and waits until it has released them; not when they are gone already.
    fn lose(&self, partitions: &[Partition], gone: bool) {
        let mut state = self.state();
        for partition in partitions {
            state.aside.remove(partition);
            let ahead = state.ahead.remove(partition).unwrap_or_default();
            state.bytes -= ahead.iter().map(Delivery::bytes).sum::<usize>();
            let told = state.share.gained.len();
            state.share.gained.retain(|(gained, _)| gained != partition);
            // What it does not know to have gained, it need not give up.
            if state.share.gained.len() == told {
                state.share.lost.push(partition.clone());
                if !gone {
                    state.leaving.insert(partition.clone());
                }
            }
        }
        self.news.notify_one();
        let alive = |state: &State| state.asked.is_some_and(|asked| asked.elapsed() < TERM);
        let waits = |state: &mut State| !state.leaving.is_empty() && !state.closed && alive(state);
        let (mut state, _) =
            self.changed.wait_timeout_while(state, RELEASE, waits).unwrap_or_else(PoisonError::into_inner);
        state.leaving.clear();
    }
}

/// What Kafka tells the member of a group, on the thread that polls.
pub(super) struct Member(pub(super) Arc<Assignment>);

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        client::measure(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::tell(&error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, told: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let outcome = match told {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            _ => self.revoke(consumer, partitions),
        };
        if let Err(error) = outcome {
            self.0.fail(format!("the share of the group cannot be changed: {error}"));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "the broker's own tools do not see how far this group is");
        }
    }
}

impl Member {
    /// Begins to read where the group is by its own account.
    fn assign(&self, consumer: &BaseConsumer<Self>, told: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = list(told);
        let Some(positions) = self.0.positions(&partitions) else {
            // The client ends: it answers, and gets nothing.
            return consumer.incremental_assign(&TopicPartitionList::new());
        };
        let mut assigned = TopicPartitionList::with_capacity(partitions.len());
        for (partition, position) in partitions.iter().zip(&positions) {
            assigned.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*position))?;
        }
        // The member knows of them before their messages come.
        self.0.gain(partitions, &positions);
        consumer.incremental_assign(&assigned)
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, told: &TopicPartitionList) -> KafkaResult<()> {
        self.0.lose(&list(told), consumer.assignment_lost());
        consumer.incremental_unassign(told)
    }
}

fn list(partitions: &TopicPartitionList) -> Vec<Partition> {
    let partition = |found: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| Partition {
        topic: found.topic().into(),
        number: found.partition(),
    };
    partitions.elements().iter().map(partition).collect()
}
