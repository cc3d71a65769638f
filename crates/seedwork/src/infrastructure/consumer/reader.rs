//! Reads this process's share of the topics, as fast as what is read is handled.

use super::{
    Consumer,
    message::Message,
    news::{Change, Tell, Work},
    positions,
};
use crate::infrastructure::broker::{Broker, Delivery, Partition, Positions, Subscriber};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// How often the share is asked for.
const SHARE: Duration = Duration::from_secs(1);
/// How long what is in work of a lost partition is waited for. It is no danger later, only wasted: its message was claimed
/// by another process.
const RELEASE: Duration = Duration::from_secs(3);

impl<B: Broker> Consumer<B> {
    /// Becomes one of the group, which begins at the first message of what it has never heard.
    pub(super) async fn subscribe(&self) -> anyhow::Result<B::Subscriber> {
        for topic in &self.subscriptions.topics {
            positions::begin(&self.database, topic, &self.broker.extents(topic).await?).await?;
        }
        let database = self.database.clone();
        let find: Positions = Arc::new(move |partitions| {
            let database = database.clone();
            Box::pin(async move { positions::of(&database, &partitions).await })
        });
        self.broker.subscribe(&self.group, &self.subscriptions.topics, find).await
    }

    /// Reads until something fails, nobody listens, or it is to stop.
    pub(super) async fn read(
        &self,
        subscriber: &mut B::Subscriber,
        tell: &Tell,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (mut turn, mut held) = (0, tell.held.clone());
        // Reading begins only when a crash would be noticed.
        stop.run_until_cancelled(self.trials.opened()).await;
        while !stop.is_cancelled() {
            let share = subscriber.share().await?;
            turn += 1;
            let asked = Instant::now();
            if !share.lost.is_empty() {
                self.give_up(&share.lost, tell).await?;
                subscriber.release(&share.lost).await?;
            }
            if !share.gained.is_empty() {
                self.trials.look(&self.database, &self.broker, &share.gained).await?;
            }
            for (partition, position) in share.gained {
                tell.changes.send(Change::Gained(partition, position, turn))?;
            }
            let positions = self.progress.all();
            self.state.send_modify(|state| {
                state.partitions = positions.len();
                state.failure = None;
            });
            subscriber.settled(&positions).await?;
            while asked.elapsed() < SHARE && !stop.is_cancelled() {
                // A full window stops reading, but the share must still be asked for every `SHARE`.
                let room = async {
                    self.window.room().await;
                    tell.work.reserve().await
                };
                let Ok(place) = timeout_at(asked + SHARE, room).await else { break };
                subscriber.hold(&held.borrow_and_update());
                let read = tokio::select! {
                    read = subscriber.read() => read?,
                    _ = held.changed() => continue,
                    () = stop.cancelled() => break,
                };
                if !read.is_empty() {
                    let message = |delivery: Delivery| {
                        let room = self.window.enter(delivery.bytes());
                        Message { delivery, room, parked: None }
                    };
                    place?.send(Work::Read(read.into_iter().map(message).collect(), turn));
                }
            }
        }
        Ok(())
    }

    /// Waits until no message of the partitions is in work, for [`RELEASE`] at most, and stores their positions.
    async fn give_up(&self, lost: &[Partition], tell: &Tell) -> anyhow::Result<()> {
        let mut ends = Vec::with_capacity(lost.len());
        for partition in lost {
            // From now on, what keeps being tried is given up.
            self.progress.leave(partition);
            let (released, end) = oneshot::channel();
            tell.changes.send(Change::Lost(partition.clone(), released))?;
            ends.push(end);
        }
        let _ = timeout(RELEASE, futures_util::future::join_all(ends)).await;
        self.note_before_release().await;
        lost.iter().for_each(|partition| self.progress.lose(partition));
        Ok(())
    }
}
