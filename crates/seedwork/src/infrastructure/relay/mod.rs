//! The relay: carries a context's log to the broker, in order, once a process and context; one is active, others stand by.

mod envelope;
mod lease;
mod reader;
mod withheld;

pub use lease::Lease;

use super::{
    avro::Registry,
    broker::{Broker, PublishError, Publisher, Record},
    postgres::{Database, Listener, LogState},
    supervise::{Supervisor, jitter},
};
use crate::domain::Instante;
use envelope::Entry;
use reader::Reader;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use withheld::Withheld;

/// Why a message is withheld that nobody refused.
const BEHIND: &str = "an earlier message of its key is withheld";
/// How long an idle relay waits before it looks again: for a notification that was lost, and to renew its lease.
const IDLE: Duration = Duration::from_secs(1);
/// How far apart notifications of commits are: each costs PostgreSQL as much as a small transaction.
const COALESCE: Duration = Duration::from_millis(5);
/// The first and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What can be seen of a relay from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayState {
    /// Whether this process is the one that relays.
    pub leads: bool,
    /// The number of the last message that was relayed.
    pub cursor: i64,
    /// When the oldest message that waits was said; none when nothing waits.
    pub oldest: Option<Instante>,
    /// How many messages are withheld, because the broker refuses them or one before them.
    pub withheld: i64,
}

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
        while !stop.is_cancelled() {
            let outcome = self.turn(&mut epoch, &stop).await;
            self.state.send_modify(|state| state.leads = false);
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
    async fn turn(&self, epoch: &mut Option<i64>, stop: &CancellationToken) -> anyhow::Result<()> {
        let (mut client, news) = self.database.listen(&channel(&self.database)).await?;
        let mut log = self.log.clone();
        let mut lease = loop {
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
        self.lead(&mut lease, news, stop).await?;
        lease.release().await;
        Ok(())
    }

    /// Publishes batch after batch until it is told to stop or something fails.
    async fn lead(&self, lease: &mut Lease, mut news: Listener, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut log = self.log.clone();
        let mut publisher = self.broker.publisher(lease).await?;
        let reader = Reader::open(lease.shared()).await?;
        reader.check(lease.cursor()).await?;
        let mut withheld = Withheld::load(lease.client()).await?;
        let mut set_aside = Withheld::count(lease.client()).await?;
        let mut next = reader.after(lease.cursor()).await?;
        while !stop.is_cancelled() {
            self.state.send_replace(RelayState {
                leads: true,
                cursor: lease.cursor(),
                oldest: next.first().map(Entry::time),
                withheld: set_aside,
            });
            let Some(last) = next.last().map(Entry::seq) else {
                let committed = log.borrow_and_update().last;
                if committed <= lease.cursor() {
                    tokio::select! {
                        changed = log.changed() => if changed.is_err() { break },
                        () = news.heard() => {}
                        () = tokio::time::sleep(IDLE) => {}
                        () = stop.cancelled() => break,
                    }
                }
                if !lease.is_fresh() {
                    lease.advance(lease.cursor()).await?;
                }
                next = reader.after(lease.cursor()).await?;
                continue;
            };
            if !lease.is_fresh() {
                lease.advance(lease.cursor()).await?;
            }
            let (behind, sent): (Vec<&Entry>, Vec<&Entry>) = next.iter().partition(|entry| withheld.precedes(entry));
            withheld.note(lease.client(), &behind, BEHIND).await?;
            let records = self.records(&sent).await?;
            // The next batch is read while this one is on its way.
            let (published, read) = tokio::join!(publisher.publish(&records, lease, last), reader.after(last));
            match published {
                Ok(()) => lease.moved(last),
                Err(PublishError::Refused { reason, .. }) => {
                    tracing::warn!(reason, "a message is refused: the batch is sent again, one by one");
                    self.one_by_one(&next, lease, &mut withheld).await?;
                    publisher = self.broker.publisher(lease).await?;
                }
                Err(error) => return Err(error.into()),
            }
            if !withheld.is_empty() {
                set_aside = Withheld::count(lease.client()).await?;
            }
            metrics::counter!("sta_relayed_total", "context" => self.database.schema().to_owned())
                .increment(records.len() as u64);
            next = read?;
        }
        Ok(())
    }

    /// Publishes a batch in which the broker refuses something. What it refuses alone, too, is withheld.
    async fn one_by_one(&self, batch: &[Entry], lease: &mut Lease, withheld: &mut Withheld) -> anyhow::Result<()> {
        let mut publisher = self.broker.publisher(lease).await?;
        for entry in batch {
            if !lease.is_fresh() {
                lease.advance(lease.cursor()).await?;
            }
            if withheld.precedes(entry) {
                withheld.note(lease.client(), &[entry], BEHIND).await?;
                lease.advance(entry.seq()).await?;
            } else {
                match publisher.publish(&self.records(&[entry]).await?, lease, entry.seq()).await {
                    Ok(()) => {}
                    Err(PublishError::Refused { reason, .. }) => {
                        withheld.note(lease.client(), &[entry], &reason).await?;
                        lease.advance(entry.seq()).await?;
                        publisher = self.broker.publisher(lease).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            lease.moved(entry.seq());
        }
        Ok(())
    }

    async fn records(&self, entries: &[&Entry]) -> anyhow::Result<Vec<Record>> {
        let source = format!("/sta/{}", self.database.schema());
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = self.registry.id(entry.topic(), entry.fingerprint()).await?;
            records.push(entry.record(&source, id));
        }
        Ok(records)
    }
}

/// Tells the process that relays a context's log about the commits of this one, which does not relay.
pub fn announce(
    database: Database,
    log: watch::Receiver<LogState>,
    supervisor: &Supervisor,
) -> watch::Receiver<RelayState> {
    let (_, state) = watch::channel(RelayState::default());
    supervisor.spawn("announce", move |stop| {
        let (database, mut log) = (database.clone(), log.clone());
        async move {
            while !stop.is_cancelled() {
                let told = async {
                    // Nothing is lost with a notification: it need not wait for the disk, nor the next commit for it.
                    let client = database.client("SET synchronous_commit = off").await?;
                    while !stop.is_cancelled() {
                        stand_by(&client, &database, &mut log, &stop).await?;
                    }
                    anyhow::Ok(())
                };
                if let Err(error) = told.await {
                    tracing::warn!(error = format!("{error:#}"), "commits are not announced");
                    stop.run_until_cancelled(tokio::time::sleep(jitter(PAUSE.1))).await;
                }
            }
        }
    });
    state
}

/// Tells whoever relays the log about the commits of this process, until the lease may be free.
async fn stand_by(
    client: &Client,
    database: &Database,
    log: &mut watch::Receiver<LogState>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let notify = format!("NOTIFY {}", channel(database));
    let until = tokio::time::Instant::now() + IDLE;
    loop {
        tokio::select! {
            changed = log.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep_until(until) => return Ok(()),
            () = stop.cancelled() => return Ok(()),
        }
        client.batch_execute(&notify).await?;
        // The commits of this pause are told together.
        tokio::time::sleep(COALESCE).await;
    }
}

/// The channel on which processes tell the one that relays that there is more in the log.
fn channel(database: &Database) -> String {
    format!("sta_log_{}", database.schema())
}
