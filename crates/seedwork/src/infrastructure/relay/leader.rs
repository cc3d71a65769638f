//! The leader: publishes the log in order, and moves the cursor over the acknowledged records.

use super::{
    IDLE, Lease, Relay,
    envelope::LogEntry,
    log_reader::{LogReader, MAX_ROWS},
    progress::Observer,
    withheld::Withheld,
};
use crate::infrastructure::{
    broker::{Broker, PublishError, Publisher, Record, RelayCursor},
    postgres::{Listener, LogState},
    schema_registry::Registry,
};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// The reason why a message is withheld that the broker has not rejected.
const BEHIND: &str = "an earlier message of its key is withheld";
/// The longest wait for records in flight when the relay stops.
const GRACE: Duration = Duration::from_secs(2);
/// The divisor of the batch size when the broker rejects a record of a batch.
const BATCH_DIVISOR: i64 = 8;

/// Relays a log while it holds the lease.
pub(super) struct Leader<'a, B: Broker> {
    broker: &'a B,
    registry: &'a Registry,
    context: &'a str,
    lease: &'a mut Lease,
    observer: &'a mut Observer,
    log: watch::Receiver<LogState>,
    reader: LogReader,
    withheld: Withheld,
    publisher: B::Publisher,
    /// The number of the last message that was passed to the publisher.
    published: i64,
    /// The most messages of a batch. After a rejection it is smaller, and each batch is acknowledged before the next one
    /// is published. This finds the rejected record.
    rows: i64,
}

impl<'a, B: Broker> Leader<'a, B> {
    pub(super) async fn open(
        relay: &'a Relay<B>,
        lease: &'a mut Lease,
        observer: &'a mut Observer,
    ) -> anyhow::Result<Self> {
        let publisher = relay.broker.publisher(lease).await?;
        let reader = LogReader::open(lease.shared_client()).await?;
        reader.check_cursor(lease.cursor()).await?;
        let withheld = Withheld::load(lease.client()).await?;
        Ok(Self {
            broker: &relay.broker,
            registry: &relay.registry,
            context: relay.database.schema(),
            published: lease.cursor(),
            lease,
            observer,
            log: relay.log.clone(),
            reader,
            withheld,
            publisher,
            rows: MAX_ROWS,
        })
    }

    /// Publishes until `stop` is cancelled or something fails. On return no record is in flight, and the cursor is
    /// stored unless the database does not answer.
    pub(super) async fn run(mut self, notifications: &mut Listener, stop: &CancellationToken) -> anyhow::Result<()> {
        let grace = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let expiry = self.lease.expiry();
        let outcome = tokio::select! {
            outcome = self.lead(notifications, stop) => outcome,
            () = expiry => Err(PublishError::Failed("the lease was not renewed in time".into()).into()),
            () = grace => Ok(()),
        };
        // After a publish error, which includes the loss of the lease, records in flight are purged at once. Otherwise
        // they get some time.
        if !outcome.as_ref().is_err_and(anyhow::Error::is::<PublishError>) {
            let until = Instant::now() + GRACE;
            while Instant::now() < until && matches!(self.publisher.flush(self.lease).await, Ok(false)) {}
        }
        self.publisher.purge(self.lease).await;
        self.observer.cursor_moved(self.lease.cursor());
        if !matches!(tokio::time::timeout(GRACE, self.lease.store_if_moved()).await, Ok(Ok(()))) {
            tracing::debug!(self.context, "the cursor is not stored: records after the stored one are published again");
        }
        outcome
    }

    async fn lead(&mut self, notifications: &mut Listener, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut next = self.read().await?;
        while !stop.is_cancelled() {
            self.observer.refresh(self.lease.client(), self.lease.cursor()).await?;
            renew(self.lease, self.observer).await?;
            let read = match next.is_empty() {
                true => self.wait_for_entries(notifications, stop).await,
                false => self.publish(&next).await,
            };
            next = match read {
                Ok(read) => read,
                Err(error) => {
                    self.recover(error.downcast()?, &next).await?;
                    self.read().await?
                }
            };
        }
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<Vec<LogEntry>> {
        self.reader.read_after(self.published, self.rows).await
    }

    /// Waits for new entries of the log, or for acknowledgements. Returns the entries.
    async fn wait_for_entries(
        &mut self,
        notifications: &mut Listener,
        stop: &CancellationToken,
    ) -> anyhow::Result<Vec<LogEntry>> {
        let committed = self.log.borrow_and_update().last;
        if committed > self.published {
            let read = self.read().await?;
            if !read.is_empty() {
                return Ok(read);
            }
            // After a fail-over the log may end before the last commit that this process knows.
        }
        let is_in_flight = self.lease.cursor() < self.published;
        let idle = IDLE.min(self.lease.renewal_due_in());
        tokio::select! {
            flushed = self.publisher.flush(self.lease), if is_in_flight => {
                flushed?;
                return Ok(Vec::new());
            }
            Ok(()) = self.log.changed() => {}
            () = notifications.notified() => {}
            () = tokio::time::sleep(idle) => {}
            () = stop.cancelled() => {}
        }
        self.read().await
    }

    /// Publishes entries, and reads the next ones meanwhile. Returns these.
    async fn publish(&mut self, entries: &[LogEntry]) -> anyhow::Result<Vec<LogEntry>> {
        let (behind, rest): (Vec<&LogEntry>, Vec<&LogEntry>) =
            entries.iter().partition(|entry| self.withheld.contains_key_of(entry));
        self.observer.add_withheld(self.withheld.insert(self.lease.client(), &behind, BEHIND).await?);
        let records = records(self.registry, self.context, &rest).await?;
        let to = entries.last().map_or(self.published, LogEntry::seq);
        self.published = to;
        let published = publish_all(&mut self.publisher, &records, to, self.lease, self.observer);
        if self.rows == MAX_ROWS {
            let (published, read) = tokio::join!(published, self.reader.read_after(to, MAX_ROWS));
            published?;
            metrics::counter!("sta_relayed_total", "context" => self.context.to_owned())
                .increment(records.len() as u64);
            return read;
        }
        published.await?;
        while !self.publisher.flush(self.lease).await? {
            renew(self.lease, self.observer).await?;
        }
        metrics::counter!("sta_relayed_total", "context" => self.context.to_owned()).increment(records.len() as u64);
        self.rows = (self.rows * 2).min(MAX_ROWS);
        self.read().await
    }

    /// Recovers from a rejection: continues after the cursor, with a new publisher and smaller batches, until a batch
    /// has one message. If the broker rejects that, it is withheld. Returns other errors.
    async fn recover(&mut self, error: PublishError, last: &[LogEntry]) -> anyhow::Result<()> {
        match error {
            PublishError::Rejected(reason) if self.rows == 1 => {
                let rejected: Vec<&LogEntry> = last.iter().collect();
                self.observer.add_withheld(self.withheld.insert(self.lease.client(), &rejected, &reason).await?);
                self.lease.advance(self.published);
                self.lease.store_if_moved().await?;
            }
            PublishError::Rejected(reason) => {
                let in_flight = self.published - self.lease.cursor();
                self.rows = (self.rows.min(in_flight) / BATCH_DIVISOR).max(1);
                tracing::warn!(
                    self.context,
                    reason,
                    rows = self.rows,
                    "a message is rejected: batches have fewer messages"
                );
            }
            PublishError::BatchTooLarge(reason) => tracing::warn!(self.context, reason, "batches have fewer bytes"),
            error => return Err(error.into()),
        }
        self.publisher = self.broker.publisher(self.lease).await?;
        self.published = self.lease.cursor();
        Ok(())
    }
}

async fn records(registry: &Registry, context: &str, entries: &[&LogEntry]) -> anyhow::Result<Vec<(i64, Record)>> {
    let source = format!("/sta/{context}");
    let mut records = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = registry.id(entry.topic(), entry.fingerprint()).await?;
        records.push((entry.seq(), entry.record(&source, id)));
    }
    Ok(records)
}

/// Publishes all records. `to` is the last number that they cover.
async fn publish_all(
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
        renew(lease, observer).await?;
    }
}

/// Renews the lease if that is due, and updates the observed cursor.
async fn renew(lease: &mut Lease, observer: &Observer) -> Result<(), PublishError> {
    observer.cursor_moved(lease.cursor());
    lease.renew_if_due().await
}
