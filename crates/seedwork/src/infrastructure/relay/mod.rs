//! The relay: publishes a context's log to the broker, in order. One process leads, the others stand by.
//!
//! | relay | event | next state | durable fact |
//! |---|---|---|---|
//! | standby | the [lease](Lease) is free | leader, from the stored cursor | a new epoch in `relay` |
//! | leader | records are acknowledged | leader, with a greater cursor | `relay.seq`, at most 100 ms later |
//! | leader | the broker rejects a record for good | leader; its key is withheld | rows in `withheld` |
//! | leader | the lease is not renewed in time | paused, then standby; no record is in flight | none |
//! | leader | a failure | paused, then standby; no record is in flight | the cursor |
//! | leader | the process stops | stopped; no record is in flight | the cursor; the lease is free |

mod commit_notifications;
mod envelope;
mod leader;
mod lease;
mod log_reader;
mod progress;
mod withheld;

pub use commit_notifications::notify_commits;
pub use lease::Lease;
pub use progress::{RelayProgress, RelayState};

use super::{
    broker::Broker,
    postgres::{Database, LogState},
    schema_registry::Registry,
    supervise::{Supervisor, jitter},
};
use commit_notifications::{channel, stand_by};
use leader::Leader;
use progress::Observer;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest wait of an idle relay: a notification may be lost, and a lease must be renewed.
const IDLE: Duration = Duration::from_secs(1);
/// The first and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Relays the log of one context.
pub struct Relay<B> {
    database: Database,
    broker: B,
    registry: Registry,
    log: watch::Receiver<LogState>,
    state: watch::Sender<RelayState>,
}

impl<B: Broker> Relay<B> {
    /// Starts the relay of a context's log. `log` changes with each commit of this process.
    pub fn start(
        database: Database,
        broker: B,
        registry: Registry,
        log: watch::Receiver<LogState>,
        supervisor: &Supervisor,
    ) -> watch::Receiver<RelayState> {
        let (state, receiver) = watch::channel(RelayState::default());
        let relay = Arc::new(Self { database, broker, registry, log, state });
        supervisor.spawn("relay", move |stop| {
            let relay = Arc::clone(&relay);
            async move { relay.run(stop).await }
        });
        receiver
    }

    async fn run(&self, stop: CancellationToken) {
        let (mut pause, mut epoch) = (PAUSE.0, None);
        let mut observer = Observer::new(self.state.clone());
        while !stop.is_cancelled() {
            let outcome = self.stand_by_and_lead(&mut epoch, &mut observer, &stop).await;
            observer.set_leader(false);
            match outcome {
                Ok(()) => pause = PAUSE.0,
                Err(error) => {
                    let context = self.database.schema();
                    tracing::error!(context, error = format!("{error:#}"), "the relay pauses");
                    metrics::counter!("sta_relay_failures_total", "context" => context.to_owned()).increment(1);
                    stop.run_until_cancelled(tokio::time::sleep(jitter(pause))).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Stands by until the lease is free, then leads until something fails. `epoch` is the one of this relay's last
    /// lease: it may take its own lease again at once.
    async fn stand_by_and_lead(
        &self,
        epoch: &mut Option<i64>,
        observer: &mut Observer,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let listener = self.database.listen(&channel(&self.database)).await;
        let (mut client, mut notifications) = listener.inspect_err(|_| observer.set_unknown())?;
        let mut log = self.log.clone();
        let mut lease = loop {
            observer.refresh(&client, 0).await.inspect_err(|_| observer.set_unknown())?;
            match Lease::acquire(client, *epoch).await? {
                Ok(lease) => break lease,
                Err(unchanged) => client = unchanged,
            }
            stand_by(&client, &self.database, &mut log, stop).await?;
            if stop.is_cancelled() {
                return Ok(());
            }
        };
        *epoch = Some(lease.epoch());
        tracing::info!(context = self.database.schema(), cursor = lease.cursor(), "this process relays");
        observer.set_leader(true);
        Leader::open(self, &mut lease, observer).await?.run(&mut notifications, stop).await?;
        lease.release().await;
        Ok(())
    }
}
