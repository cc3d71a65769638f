//! Leading: the log is handed to the broker in order, and the cursor follows what is safe there.

use super::{
    IDLE, Lease, Relay,
    envelope::Entry,
    progress::Observer,
    reader::{ROWS, Reader},
    withheld::Withheld,
};
use crate::infrastructure::{
    avro::Registry,
    broker::{Broker, PublishError, Publisher, Record},
    postgres::{Listener, LogState},
};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// The reason why a message is withheld that nobody refused.
const BEHIND: &str = "an earlier message of its key is withheld";
/// The longest time that messages in flight may take when the relay ends.
const GRACE: Duration = Duration::from_secs(2);
/// By how much fewer messages are sent together when one of them is refused.
const FEWER: i64 = 8;

/// The process that relays.
pub(super) struct Leader<'a, B: Broker> {
    broker: &'a B,
    registry: &'a Registry,
    context: &'a str,
    lease: &'a mut Lease,
    observer: &'a mut Observer,
    log: watch::Receiver<LogState>,
    reader: Reader,
    withheld: Withheld,
    publisher: B::Publisher,
    /// The number of the last message that was handed to the publisher.
    handed: i64,
    /// The number of messages that are handed over at once. While they are fewer than usual, all of them are to be
    /// safe before the next: so it is found which the broker refuses.
    rows: i64,
}

impl<'a, B: Broker> Leader<'a, B> {
    pub(super) async fn open(
        relay: &'a Relay<B>,
        lease: &'a mut Lease,
        observer: &'a mut Observer,
    ) -> anyhow::Result<Self> {
        let publisher = relay.broker.publisher(lease).await?;
        let reader = Reader::open(lease.shared()).await?;
        reader.check(lease.cursor()).await?;
        let withheld = Withheld::load(lease.client()).await?;
        Ok(Self {
            broker: &relay.broker,
            registry: &relay.registry,
            context: relay.database.schema(),
            handed: lease.cursor(),
            lease,
            observer,
            log: relay.log.clone(),
            reader,
            withheld,
            publisher,
            rows: ROWS,
        })
    }

    /// Publishes until it is told to stop, or something fails. Then nothing is on its way any more, and the cursor is
    /// stored.
    pub(super) async fn run(mut self, news: &mut Listener, stop: &CancellationToken) -> anyhow::Result<()> {
        let grace = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let lapses = self.lease.lapses();
        let outcome = tokio::select! {
            outcome = self.lead(news, stop) => outcome,
            () = lapses => Err(PublishError::Failed("the lease was not renewed in time".into()).into()),
            () = grace => Ok(()),
        };
        // Who has lost the lease takes back at once; otherwise what is on its way may arrive.
        if !outcome.as_ref().is_err_and(anyhow::Error::is::<PublishError>) {
            let until = Instant::now() + GRACE;
            while Instant::now() < until && matches!(self.publisher.settle(self.lease).await, Ok(false)) {}
        }
        self.publisher.withdraw(self.lease).await;
        self.observer.moved(self.lease.cursor());
        if !matches!(tokio::time::timeout(GRACE, self.lease.store()).await, Ok(Ok(()))) {
            tracing::debug!(self.context, "the cursor is not stored: what follows it is sent again");
        }
        outcome
    }

    async fn lead(&mut self, news: &mut Listener, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut next = self.read().await?;
        while !stop.is_cancelled() {
            self.observer.look(self.lease.client(), self.lease.cursor()).await?;
            keep(self.lease, self.observer).await?;
            let stepped = if next.is_empty() { self.rest(news, stop).await } else { self.forward(&next).await };
            next = match stepped {
                Ok(read) => read,
                Err(error) => {
                    self.recover(error.downcast()?, &next).await?;
                    self.read().await?
                }
            };
        }
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<Vec<Entry>> {
        self.reader.after(self.handed, self.rows).await
    }

    /// Waits for news: of the log, and of what is on its way.
    async fn rest(&mut self, news: &mut Listener, stop: &CancellationToken) -> anyhow::Result<Vec<Entry>> {
        let committed = self.log.borrow_and_update().last;
        if committed > self.handed {
            let read = self.read().await?;
            if !read.is_empty() {
                return Ok(read);
            }
            // The log ends before what this process knows of it, as after a fail-over.
        }
        let is_on_its_way = self.lease.cursor() < self.handed;
        let idle = IDLE.min(self.lease.due());
        tokio::select! {
            settled = self.publisher.settle(self.lease), if is_on_its_way => {
                settled?;
                return Ok(Vec::new());
            }
            Ok(()) = self.log.changed() => {}
            () = news.notified() => {}
            () = tokio::time::sleep(idle) => {}
            () = stop.cancelled() => {}
        }
        self.read().await
    }

    /// Hands over what was read, and reads on meanwhile.
    async fn forward(&mut self, entries: &[Entry]) -> anyhow::Result<Vec<Entry>> {
        let (behind, rest): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| self.withheld.precedes(entry));
        self.observer.withheld(self.withheld.note(self.lease.client(), &behind, BEHIND).await?);
        let records = records(self.registry, self.context, &rest).await?;
        let to = entries.last().map_or(self.handed, Entry::seq);
        self.handed = to;
        let handed = hand_over(&mut self.publisher, &records, to, self.lease, self.observer);
        if self.rows == ROWS {
            let (handed, read) = tokio::join!(handed, self.reader.after(to, ROWS));
            handed?;
            metrics::counter!("sta_relayed_total", "context" => self.context.to_owned())
                .increment(records.len() as u64);
            return read;
        }
        handed.await?;
        while !self.publisher.settle(self.lease).await? {
            keep(self.lease, self.observer).await?;
        }
        metrics::counter!("sta_relayed_total", "context" => self.context.to_owned()).increment(records.len() as u64);
        self.rows = (self.rows * 2).min(ROWS);
        self.read().await
    }

    /// Goes on behind what is safe, with a new publisher, when the broker refuses something for good: with fewer messages
    /// together, until it is known which. That one is withheld.
    async fn recover(&mut self, error: PublishError, last: &[Entry]) -> anyhow::Result<()> {
        match error {
            PublishError::Refused(reason) if self.rows == 1 => {
                let refused: Vec<&Entry> = last.iter().collect();
                self.observer.withheld(self.withheld.note(self.lease.client(), &refused, &reason).await?);
                self.lease.moved(self.handed);
                self.lease.store().await?;
            }
            PublishError::Refused(reason) => {
                let on_its_way = self.handed - self.lease.cursor();
                self.rows = (self.rows.min(on_its_way) / FEWER).max(1);
                tracing::warn!(self.context, reason, rows = self.rows, "a message is refused: fewer are sent together");
            }
            PublishError::TooMany(reason) => tracing::warn!(self.context, reason, "fewer bytes are sent together"),
            error => return Err(error.into()),
        }
        self.publisher = self.broker.publisher(self.lease).await?;
        self.handed = self.lease.cursor();
        Ok(())
    }
}

async fn records(registry: &Registry, context: &str, entries: &[&Entry]) -> anyhow::Result<Vec<(i64, Record)>> {
    let source = format!("/sta/{context}");
    let mut records = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = registry.id(entry.topic(), entry.fingerprint()).await?;
        records.push((entry.seq(), entry.record(&source, id)));
    }
    Ok(records)
}

/// Hands records to a publisher until it has taken all of them; `to` is the number that they reach to.
async fn hand_over(
    publisher: &mut impl Publisher,
    records: &[(i64, Record)],
    to: i64,
    lease: &mut Lease,
    observer: &mut Observer,
) -> Result<(), PublishError> {
    let mut rest = records;
    loop {
        let taken = publisher.publish(rest, to, lease).await?;
        rest = rest.get(taken..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        keep(lease, observer).await?;
    }
}

/// Keeps the lease, and what is seen of it.
async fn keep(lease: &mut Lease, observer: &Observer) -> Result<(), PublishError> {
    observer.moved(lease.cursor());
    lease.keep().await
}
