//! The loop that reads this process's partitions, as fast as messages are settled.
//!
//! | partition | event | next state | durable fact |
//! |---|---|---|---|
//! | not assigned | the broker assigns it | assigned, read from its position | its row in `positions` |
//! | assigned | a key queue is full | paused | none |
//! | paused | the queue is half empty | assigned | none |
//! | assigned or paused | the broker revokes it | draining: nothing more is read, running messages finish | none |
//! | draining | no message runs, or 3 s have passed | not assigned, released to others | the last position is stored |

use super::{
    Consumer,
    channel::{AssignmentChange, DispatchSender, DispatchWork},
    positions,
    received_message::ReceivedMessage,
};
use crate::infrastructure::broker::{Broker, Delivery, Partition, PositionLookup, Subscriber};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// The interval between two polls of the assignment.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait for running messages of a revoked partition. One that ends later is harmless: its claim decides.
const DRAIN: Duration = Duration::from_secs(3);

impl<B: Broker> Consumer<B> {
    /// Joins the group. A topic without positions is read from its oldest message.
    pub(super) async fn subscribe(&self) -> anyhow::Result<B::Subscriber> {
        for topic in &self.subscriptions.topics {
            positions::begin(&self.database, topic, &self.broker.ensure_topic(topic).await?).await?;
        }
        let database = self.database.clone();
        let lookup: PositionLookup = Arc::new(move |partitions| {
            let database = database.clone();
            Box::pin(async move { positions::of(&database, &partitions).await })
        });
        self.broker.subscribe(&self.group, &self.subscriptions.topics, lookup).await
    }

    /// Reads until something fails, the dispatcher ends, or `stop` is cancelled.
    pub(super) async fn read_loop(
        &self,
        subscriber: &mut B::Subscriber,
        dispatcher: &DispatchSender,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (mut generation, mut paused) = (0, dispatcher.paused.clone());
        // Waits until another process could detect a crash of this one.
        stop.run_until_cancelled(self.isolation.wait_until_open()).await;
        while !stop.is_cancelled() {
            let delta = subscriber.poll_assignment().await?;
            generation += 1;
            let polled_at = Instant::now();
            if !delta.revoked.is_empty() {
                self.drain(&delta.revoked, dispatcher).await?;
                subscriber.release(&delta.revoked).await?;
            }
            if !delta.assigned.is_empty() {
                self.isolation.detect_crashes(&self.database, &self.broker, &delta.assigned).await?;
            }
            for (partition, position) in delta.assigned {
                dispatcher.changes.send(AssignmentChange::Assigned { partition, position, generation })?;
            }
            let positions = self.offsets.positions();
            self.state.send_modify(|state| {
                state.partitions = positions.len();
                state.failure = None;
            });
            subscriber.report_positions(&positions).await?;
            while polled_at.elapsed() < POLL_INTERVAL && !stop.is_cancelled() {
                // The assignment is polled also while there is no room.
                let room = async {
                    self.limit.wait_for_room().await;
                    dispatcher.work.reserve().await
                };
                let Ok(slot) = timeout_at(polled_at + POLL_INTERVAL, room).await else { break };
                subscriber.set_paused(&paused.borrow_and_update());
                let read = tokio::select! {
                    read = subscriber.read() => read?,
                    _ = paused.changed() => continue,
                    () = stop.cancelled() => break,
                };
                if !read.is_empty() {
                    let message = |delivery: Delivery| {
                        let permit = self.limit.admit(delivery.bytes());
                        ReceivedMessage { delivery, permit, parked: None }
                    };
                    let messages = read.into_iter().map(message).collect();
                    slot?.send(DispatchWork::Read { messages, generation });
                }
            }
        }
        Ok(())
    }

    /// Waits until no message of the revoked partitions is running, for [`DRAIN`] at most, and stores their positions.
    async fn drain(&self, revoked: &[Partition], dispatcher: &DispatchSender) -> anyhow::Result<()> {
        let mut drains = Vec::with_capacity(revoked.len());
        for partition in revoked {
            // Retries of its messages end now.
            self.offsets.begin_revocation(partition);
            let (drained, drain) = oneshot::channel();
            dispatcher.changes.send(AssignmentChange::Revoked { partition: partition.clone(), drained })?;
            drains.push(drain);
        }
        let _ = timeout(DRAIN, futures_util::future::join_all(drains)).await;
        self.store_positions_before_release().await;
        revoked.iter().for_each(|partition| self.offsets.remove(partition));
        Ok(())
    }
}
