//! Maintenance of the consumer's tables: positions and unhandled types on one connection, parked messages on another.
//!
//! Neither waits for the other. PostgreSQL cancels a statement that takes too long.

use super::{
    Consumer,
    channel::{DispatchSender, DispatchWork},
    key_queues::MessageKey,
    parked::DueQuery,
    positions,
};
use crate::infrastructure::{broker::Broker, supervise::jitter};
use anyhow::ensure;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_postgres::Client;

/// The interval between two stores of positions.
const STORE_INTERVAL: Duration = Duration::from_millis(100);
/// The interval between two searches for parked messages that are due.
const DUE_INTERVAL: Duration = Duration::from_millis(500);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time to store positions before a revocation. If it runs out, messages are read again.
const FINAL_STORE: Duration = Duration::from_secs(2);
/// Settings of both sessions. Their queries look up keys only, so a plan that follows an index is always right. The
/// planner would choose another one for tables that were empty when it made the plan.
pub(super) const SESSION: &str = "\
    SET statement_timeout = 2000; SET lock_timeout = 1000; SET plan_cache_mode = force_generic_plan; \
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET jit = off";

impl<B: Broker> Consumer<B> {
    /// Stores positions and unhandled types. Never returns.
    pub(super) async fn maintain_positions(&self) {
        loop {
            let Err(error) = self.store_progress().await;
            self.pause("positions and unhandled types are not stored", &error).await;
        }
    }

    /// Dispatches parked messages that are due. Never returns.
    pub(super) async fn maintain_parked(&self, dispatcher: &DispatchSender) {
        loop {
            let Err(error) = self.dispatch_due(dispatcher).await;
            self.pause("parked messages are not retried", &error).await;
        }
    }

    async fn pause(&self, message: &'static str, error: &anyhow::Error) {
        tracing::warn!(context = self.database.schema(), error = format!("{error:#}"), "{message}");
        tokio::time::sleep(jitter(PAUSE)).await;
    }

    async fn store_progress(&self) -> anyhow::Result<std::convert::Infallible> {
        let client = Arc::new(self.database.client(SESSION).await?);
        self.isolation.open(&client).await?;
        // Types that a failed session could not store.
        self.unhandled_types.flush(&client).await?;
        let mut ticks = interval(STORE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    // The session may have nothing to store for long. Its lock shows that this process is alive.
                    ensure!(!client.is_closed(), "the session has ended");
                    self.store_positions(&client).await?;
                }
                // Types that arrive during a flush are stored by the next one.
                () = self.unhandled_types.more() => self.unhandled_types.flush(&client).await?,
            }
        }
    }

    async fn store_positions(&self, client: &Client) -> anyhow::Result<()> {
        let positions = self.offsets.unstored();
        if !positions.is_empty() {
            positions::store(client, &positions).await?;
            self.offsets.set_stored(&positions);
        }
        Ok(())
    }

    /// Stores positions a last time, before another process reads on from them.
    pub(super) async fn store_positions_before_release(&self) {
        if self.offsets.unstored().is_empty() {
            return;
        }
        let store = async { self.store_positions(&self.database.client(SESSION).await?).await };
        if let Err(error) = timeout(FINAL_STORE, store).await.map_err(anyhow::Error::from).flatten() {
            let (context, error) = (self.database.schema(), format!("{error:#}"));
            tracing::warn!(context, error, "positions are not stored before partitions are released");
        }
    }

    async fn dispatch_due(&self, dispatcher: &DispatchSender) -> anyhow::Result<std::convert::Infallible> {
        let client = Arc::new(self.database.client(SESSION).await?);
        let due = DueQuery::prepare(&client).await?;
        loop {
            let began = Instant::now();
            // If the channel is full, a later search finds them.
            if let Ok(slot) = dispatcher.work.try_reserve() {
                let mut messages = due.find(&client, &self.offsets.partitions(), &self.retries).await?;
                messages.retain(|message| {
                    let key = MessageKey::parked(&message.delivery);
                    message.parked.is_some_and(|parked| self.retries.start(key, parked.n))
                });
                if !messages.is_empty() {
                    slot.send(DispatchWork::RetryParked { messages, client: Arc::clone(&client) });
                }
            }
            tokio::time::sleep_until(began + DUE_INTERVAL).await;
        }
    }
}
