//! The assignment of a group member, shared by the thread that polls Kafka and the task that reads.
//!
//! | partition | event | next state | durable fact |
//! |---|---|---|---|
//! | not assigned | Kafka assigns it | announced: buffered, not yet taken | none |
//! | announced | the member polls its assignment | taken by the member | none |
//! | taken | the member pauses it | paused: buffered apart, without taking room from others | none |
//! | announced | Kafka revokes it | not assigned | none |
//! | taken or paused | Kafka revokes it | releasing: its buffer is dropped, Kafka's thread waits | none |
//! | releasing | the member releases it, or 5 s have passed | not assigned | its position, stored by the consumer |
//! | any | the member does not poll for 10 s | not assigned: the thread leaves the group | none |

use super::client;
use crate::infrastructure::broker::{AssignmentDelta, Delivery, Partition, PositionLookup};
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

/// The time for which a member keeps its assignment without polling it.
pub(super) const POLL_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for the release of revoked partitions.
const RELEASE: Duration = Duration::from_secs(5);
/// The pause before a failed lookup of positions is repeated.
const PAUSE: Duration = Duration::from_millis(500);

/// The assignment of a member.
pub(super) struct Assignment {
    positions: PositionLookup,
    runtime: Handle,
    state: Mutex<AssignmentState>,
    /// Wakes the thread that polls Kafka.
    changed: Condvar,
    /// Wakes the member: there are messages, a change of the assignment, or a failure.
    pub(super) ready: Notify,
}

#[derive(Default)]
struct AssignmentState {
    /// The messages that are read ahead of each assigned partition.
    buffers: BTreeMap<Partition, VecDeque<Delivery>>,
    /// The memory of all messages in `buffers`, in bytes.
    bytes: usize,
    /// The partitions that the member has paused.
    paused: BTreeSet<Partition>,
    /// The messages that are read ahead of paused partitions, and their memory in bytes. `bytes` does not count them,
    /// so they take no room from the other partitions.
    paused_buffers: BTreeMap<Partition, (VecDeque<Delivery>, usize)>,
    /// The number of batches that were taken. Each begins with another partition.
    batches: usize,
    /// The number of times that all partitions were paused.
    pauses: u64,
    /// The change that the member has not polled yet.
    delta: AssignmentDelta,
    /// The revoked partitions that the member has not released.
    releasing: BTreeSet<Partition>,
    failure: Option<String>,
    polled_at: Option<Instant>,
    closed: bool,
}

impl Assignment {
    pub(super) fn new(positions: PositionLookup, runtime: Handle) -> Self {
        Self { positions, runtime, state: Mutex::default(), changed: Condvar::new(), ready: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, AssignmentState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the change since the last poll, or the failure of the client.
    pub(super) fn poll(&self) -> Result<AssignmentDelta, String> {
        let mut state = self.state();
        state.polled_at = Some(Instant::now());
        self.changed.notify_all();
        match state.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(std::mem::take(&mut state.delta)),
        }
    }

    pub(super) fn release(&self, revoked: &[Partition]) {
        self.state().releasing.retain(|releasing| !revoked.contains(releasing));
        self.changed.notify_all();
    }

    /// Takes a batch of buffered messages: up to `count`, and none after `bytes` are reached. Messages of a partition
    /// stay buffered until `poll` has returned the partition as assigned. Before that, the member would drop them.
    pub(super) fn take_batch(&self, count: usize, bytes: usize) -> Vec<Delivery> {
        let mut state = self.state();
        let AssignmentState { buffers, bytes: buffered, batches, delta, .. } = &mut *state;
        let is_polled = |partition: &Partition| delta.assigned.iter().all(|(assigned, _)| assigned != partition);
        let mut queues: Vec<_> =
            buffers.iter_mut().filter(|(partition, queue)| !queue.is_empty() && is_polled(partition)).collect();
        if queues.is_empty() {
            return Vec::new();
        }
        *batches = batches.wrapping_add(1);
        // Each partition gives at most the same number of messages, and each comes first in turn. So none delays the
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

    /// Sets the paused partitions: none of their messages is taken.
    pub(super) fn set_paused(&self, paused: &BTreeSet<Partition>) {
        let mut state = self.state();
        if state.paused == *paused {
            return;
        }
        let AssignmentState { buffers, bytes, paused_buffers, .. } = &mut *state;
        let resumed: Vec<Partition> = paused_buffers.keys().filter(|known| !paused.contains(known)).cloned().collect();
        for partition in resumed {
            let (queue, size) = paused_buffers.remove(&partition).unwrap_or_default();
            *bytes += size;
            buffers.insert(partition, queue);
        }
        for partition in paused {
            if let Some(queue) = buffers.remove(partition) {
                let size = queue.iter().map(Delivery::bytes).sum();
                *bytes -= size;
                paused_buffers.insert(partition.clone(), (queue, size));
            }
        }
        state.paused.clone_from(paused);
        drop(state);
        self.changed.notify_all();
    }

    /// Returns the paused partitions of which `limit` bytes or more are buffered.
    pub(super) fn paused_over(&self, limit: usize) -> BTreeSet<Partition> {
        let state = self.state();
        let over = state.paused_buffers.iter().filter(|(_, (_, bytes))| *bytes >= limit);
        over.map(|(partition, _)| partition.clone()).collect()
    }

    /// Ends the thread that polls.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Returns true if the member has polled its assignment within the timeout, or not at all yet.
    pub(super) fn is_polled(&self) -> bool {
        self.state().polled_at.is_none_or(|polled_at| polled_at.elapsed() < POLL_TIMEOUT)
    }

    /// Waits until the member polls again, or the assignment is closed.
    pub(super) fn wait_until_polled(&self) {
        let state = self.state();
        let is_silent = |state: &mut AssignmentState| {
            !state.closed && state.polled_at.is_some_and(|polled_at| polled_at.elapsed() >= POLL_TIMEOUT)
        };
        drop(self.changed.wait_while(state, is_silent));
    }

    /// Returns the memory of buffered messages, in bytes, without paused partitions.
    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Waits until less than `limit` bytes are buffered, or the assignment is closed. Returns false after `timeout`.
    pub(super) fn wait_for_room(&self, limit: usize, timeout: Duration) -> bool {
        let is_full = |state: &mut AssignmentState| state.bytes >= limit && !state.closed;
        let waited = self.changed.wait_timeout_while(self.state(), timeout, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Counts a pause of all partitions. Returns the number of pauses so far.
    pub(super) fn count_pause(&self) -> u64 {
        let mut state = self.state();
        state.pauses += 1;
        state.pauses
    }

    #[cfg(test)]
    pub(super) fn pauses(&self) -> u64 {
        self.state().pauses
    }

    /// Buffers a message for the member, unless its partition is revoked.
    pub(super) fn buffer(&self, delivery: Delivery) {
        let mut state = self.state();
        let bytes = delivery.bytes();
        if let Some(queue) = state.buffers.get_mut(&delivery.partition) {
            queue.push_back(delivery);
            state.bytes += bytes;
            drop(state);
            self.ready.notify_one();
        } else if let Some((queue, size)) = state.paused_buffers.get_mut(&delivery.partition) {
            queue.push_back(delivery);
            *size += bytes;
        }
    }

    /// Records that the client failed. The member gets the first failure when it polls.
    pub(super) fn fail(&self, error: String) {
        self.state().failure.get_or_insert(error);
        self.ready.notify_one();
    }

    /// Looks up positions until that succeeds. Returns none if the assignment is closed before.
    fn positions(&self, partitions: &[Partition]) -> Option<Vec<i64>> {
        loop {
            match self.runtime.block_on((self.positions)(partitions.to_vec())) {
                Ok(positions) => return Some(positions),
                Err(error) => tracing::warn!(error = format!("{error:#}"), "positions are not known yet"),
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

    fn assign(&self, partitions: Vec<Partition>, positions: &[i64]) {
        let mut state = self.state();
        for (partition, position) in partitions.into_iter().zip(positions) {
            if state.paused.contains(&partition) {
                state.paused_buffers.insert(partition.clone(), Default::default());
            } else {
                state.buffers.insert(partition.clone(), VecDeque::new());
            }
            state.delta.assigned.push((partition, *position));
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Revokes partitions, and waits until the member has released them. It does not wait if they are `lost`, assigned
    /// to other members already.
    fn revoke(&self, partitions: &[Partition], lost: bool) {
        let mut state = self.state();
        for partition in partitions {
            state.paused_buffers.remove(partition);
            let buffer = state.buffers.remove(partition).unwrap_or_default();
            state.bytes -= buffer.iter().map(Delivery::bytes).sum::<usize>();
            let announced = state.delta.assigned.len();
            state.delta.assigned.retain(|(assigned, _)| assigned != partition);
            // A partition that the member has not polled yet needs no release.
            if state.delta.assigned.len() == announced {
                state.delta.revoked.push(partition.clone());
                if !lost {
                    state.releasing.insert(partition.clone());
                }
            }
        }
        self.ready.notify_one();
        let is_polled =
            |state: &AssignmentState| state.polled_at.is_some_and(|polled_at| polled_at.elapsed() < POLL_TIMEOUT);
        let waits = |state: &mut AssignmentState| !state.releasing.is_empty() && !state.closed && is_polled(state);
        let (mut state, _) =
            self.changed.wait_timeout_while(state, RELEASE, waits).unwrap_or_else(PoisonError::into_inner);
        state.releasing.clear();
    }
}

/// Receives the client's callbacks, on the thread that polls.
pub(super) struct MemberContext(pub(super) Arc<Assignment>);

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        client::record_statistics(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let outcome = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            _ => self.revoke(consumer, partitions),
        };
        if let Err(error) = outcome {
            self.0.fail(format!("the assignment cannot be changed: {error}"));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "the group's positions are not reported to Kafka");
        }
    }
}

impl MemberContext {
    /// Begins to read partitions at the group's own positions.
    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = list(partitions);
        let Some(positions) = self.0.positions(&partitions) else {
            // The thread ends. The client still expects an answer.
            return consumer.incremental_assign(&TopicPartitionList::new());
        };
        let mut assigned = TopicPartitionList::with_capacity(partitions.len());
        for (partition, position) in partitions.iter().zip(&positions) {
            assigned.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*position))?;
        }
        // Before the first message can arrive.
        self.0.assign(partitions, &positions);
        consumer.incremental_assign(&assigned)
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) -> KafkaResult<()> {
        self.0.revoke(&list(partitions), consumer.assignment_lost());
        consumer.incremental_unassign(partitions)
    }
}

fn list(partitions: &TopicPartitionList) -> Vec<Partition> {
    let partition = |found: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| Partition {
        topic: found.topic().into(),
        number: found.partition(),
    };
    partitions.elements().iter().map(partition).collect()
}
