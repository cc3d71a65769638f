//! Keeps the consumer's own tables, beside the messages: positions and notes on one connection, parked messages on another.
//! Neither waits for the other, and a statement that takes too long is cancelled.

use super::{
    Consumer,
    lanes::Lane,
    news::{Tell, Work},
    parked::Due,
    positions,
};
use crate::infrastructure::{broker::Broker, supervise::jitter};
use anyhow::ensure;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_postgres::Client;

/// The interval between two notes of positions.
const NOTE: Duration = Duration::from_millis(100);
/// The interval between two searches for parked messages that are due.
const LOOK: Duration = Duration::from_millis(500);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time that noting positions may take when partitions are given up. Without it, messages are read again.
const LAST_NOTE: Duration = Duration::from_secs(2);
/// Keys are all that these sessions look for, so a plan that follows an index is always right, also when it was made
/// while the tables were empty.
pub(super) const SESSION: &str = "\
    SET statement_timeout = 2000; SET lock_timeout = 1000; SET plan_cache_mode = force_generic_plan; \
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET jit = off";

impl<B: Broker> Consumer<B> {
    /// Notes positions and unhandled types, for ever.
    pub(super) async fn keep_notes(&self) {
        loop {
            let Err(error) = self.take_notes().await;
            self.pause("positions and unhandled types are not noted", &error).await;
        }
    }

    /// Looks for parked messages that are due, for ever.
    pub(super) async fn look_after_parked(&self, tell: &Tell) {
        loop {
            let Err(error) = self.look_for_due(tell).await;
            self.pause("parked messages are not looked for", &error).await;
        }
    }

    async fn pause(&self, message: &'static str, error: &anyhow::Error) {
        tracing::warn!(context = self.database.schema(), error = format!("{error:#}"), "{message}");
        tokio::time::sleep(jitter(PAUSE)).await;
    }

    async fn take_notes(&self) -> anyhow::Result<std::convert::Infallible> {
        let client = Arc::new(self.database.client(SESSION).await?);
        self.trials.open(&client).await?;
        // What a failure left.
        self.unhandled_types.flush(&client).await?;
        let mut ticks = interval(NOTE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    // Nothing else may use it for long, and with it ends the lock that shows that this process lives.
                    ensure!(!client.is_closed(), "the session has ended");
                    self.note(&client).await?;
                }
                // All that comes while one batch is written is the next.
                () = self.unhandled_types.more() => self.unhandled_types.flush(&client).await?,
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

    /// Notes positions once more, before others read on from them.
    pub(super) async fn note_before_release(&self) {
        if self.progress.unnoted().is_empty() {
            return;
        }
        let noted = timeout(LAST_NOTE, async { self.note(&self.database.client(SESSION).await?).await });
        if let Err(error) = noted.await.map_err(anyhow::Error::from).flatten() {
            let (context, error) = (self.database.schema(), format!("{error:#}"));
            tracing::warn!(context, error, "positions are not noted before partitions are given up");
        }
    }

    async fn look_for_due(&self, tell: &Tell) -> anyhow::Result<std::convert::Infallible> {
        let client = Arc::new(self.database.client(SESSION).await?);
        let due = Due::prepare(&client).await?;
        loop {
            let began = Instant::now();
            // When there is no room, there will be in a later round.
            if let Ok(place) = tell.work.try_reserve() {
                let mut messages = due.find(&client, &self.progress.partitions(), &self.trying).await?;
                // One that is being tried already is not tried twice.
                messages.retain(|message| {
                    message.parked.is_some_and(|(n, _)| self.trying.begin(Lane::parked(&message.delivery), n))
                });
                if !messages.is_empty() {
                    place.send(Work::Due(messages, Arc::clone(&client)));
                }
            }
            tokio::time::sleep_until(began + LOOK).await;
        }
    }
}
