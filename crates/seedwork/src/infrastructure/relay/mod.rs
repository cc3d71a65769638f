//! The relay: carries a context's log to the broker, in order, once a process and context; one is active, others stand by.

mod announce;
mod envelope;
mod lead;
mod lease;
mod progress;
mod reader;
mod withheld;

pub use announce::announce;
pub use lease::Lease;
pub use progress::{Progress, RelayState};

use super::{
    avro::Registry,
    broker::Broker,
    postgres::{Database, LogState},
    supervise::{Supervisor, jitter},
};
use announce::{channel, stand_by};
use lead::Leader;
use progress::Observer;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long an idle relay waits before it looks again: for a notification that was lost, and to renew its lease.
const IDLE: Duration = Duration::from_secs(1);
/// The first and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Carries the log of one context.
pub struct Relay<B> {
    database: Database,
    broker: B,
    registry: Registry,
    log: watch::Receiver<LogState>,
    state: watch::Sender<RelayState>,
}

impl<B: Broker> Relay<B> {
    /// Starts the relay of a context's log; `log` tells of commits in this process.
    pub fn start(
        database: Database,
        broker: B,
        registry: Registry,
        log: watch::Receiver<LogState>,
        supervisor: &Supervisor,
    ) -> watch::Receiver<RelayState> {
        let (state, seen) = watch::channel(RelayState::default());
        let relay = Arc::new(Self { database, broker, registry, log, state });
        supervisor.spawn("relay", move |stop| {
            let relay = Arc::clone(&relay);
            async move { relay.run(stop).await }
        });
        seen
    }

    async fn run(&self, stop: CancellationToken) {
        let (mut pause, mut epoch) = (PAUSE.0, None);
        let mut observer = Observer::new(self.state.clone());
        while !stop.is_cancelled() {
            let outcome = self.turn(&mut epoch, &mut observer, &stop).await;
            observer.leads(false);
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

    /// Stands by until the lease is free, and leads until something fails. `epoch` is that of the lease that this relay
    /// held last: it need not wait for the end of its own.
    async fn turn(
        &self,
        epoch: &mut Option<i64>,
        observer: &mut Observer,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let listening = self.database.listen(&channel(&self.database)).await;
        let (mut client, mut news) = listening.inspect_err(|_| observer.lost())?;
        let mut log = self.log.clone();
        let mut lease = loop {
            observer.look(&client, 0).await.inspect_err(|_| observer.lost())?;
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
        observer.leads(true);
        Leader::open(self, &mut lease, observer).await?.run(&mut news, stop).await?;
        lease.release().await;
        Ok(())
    }
}
