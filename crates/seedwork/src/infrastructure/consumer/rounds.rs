//! What is looked after from time to time, beside the messages: positions, parked messages that are due, notes.

use super::{
    Consumer,
    news::{Tell, Work},
    parked, positions,
};
use crate::infrastructure::{broker::Broker, supervise::jitter};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Client;

/// How often positions and parked messages are looked after.
const ROUND: Duration = Duration::from_millis(500);

impl<B: Broker> Consumer<B> {
    /// Goes round for ever, on one connection as long as it lasts.
    pub(super) async fn go_round(&self, tell: &Tell) {
        loop {
            if let Err(error) = self.rounds(tell).await {
                tracing::warn!(
                    context = self.database.schema(),
                    error = format!("{error:#}"),
                    "parked messages and positions are not looked after"
                );
                tokio::time::sleep(jitter(ROUND * 2)).await;
            }
        }
    }

    async fn rounds(&self, tell: &Tell) -> anyhow::Result<()> {
        let client = Arc::new(self.database.client("").await?);
        loop {
            self.unheard.flush(&client).await?;
            self.note(&client).await?;
            let due = parked::due(&client, &self.progress.partitions()).await?;
            // When there is no room, there will be in a later round.
            if !due.is_empty()
                && let Ok(room) = tell.work.try_reserve()
            {
                room.send(Work::Due(due, Arc::clone(&client)));
            }
            // Notes are waited for; all that comes while one batch is written is the next.
            let until = Instant::now() + ROUND;
            while timeout_at(until, self.unheard.more()).await.is_ok() {
                self.unheard.flush(&client).await?;
            }
        }
    }

    async fn note(&self, client: &Client) -> anyhow::Result<()> {
        let settled = self.progress.unnoted();
        if !settled.is_empty() {
            positions::note(client, &settled).await?;
            self.progress.noted(&settled);
        }
        Ok(())
    }
}
