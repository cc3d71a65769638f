//! The lease on a context's log: one relay leads, and one that has lost its lease cannot store the cursor.
//!
//! | lease | event | next state | durable fact |
//! |---|---|---|---|
//! | free | a relay acquires it | held, with the next epoch | `epoch` and `expires_at` in `relay` |
//! | held | half of its duration has passed | held, renewed | `expires_at` |
//! | held | the cursor has moved, 100 ms after its last store | held, renewed | `seq` and `expires_at` |
//! | held | 4 s pass without a renewal | abandoned by its holder, which purges its records in flight | none |
//! | held or abandoned | 5 s pass without a renewal | free | `expires_at` has passed |
//! | held | its holder releases it | free | `expires_at` is `-infinity` |
//! | held | its holder acquires it again after a failure | held, with the next epoch | `epoch` and `expires_at` |
//!
//! An older epoch matches no row, so its holder is fenced.

use crate::infrastructure::broker::{PublishError, RelayCursor};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_postgres::{Client, Error, Statement};

/// The duration of a lease from its last renewal.
const DURATION: Duration = Duration::from_secs(5);

/// The shortest interval between two stores of the cursor. Each costs a commit and a new version of the row.
const STORE_INTERVAL: Duration = Duration::from_millis(100);
/// The time before the end of a lease in which a holder that could not renew it purges the records in flight.
const PURGE_RESERVE: Duration = Duration::from_secs(1);

/// Acquires the lease. One that ends later than a lease acquired now was dated by another clock: it counts as free.
const ACQUIRE: &str = "\
    UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => $1) \
    WHERE expires_at < clock_timestamp() OR expires_at > clock_timestamp() + make_interval(secs => $1) OR epoch = $2 \
    RETURNING epoch, seq";
const STORE: &str = "\
    UPDATE relay SET seq = $2, expires_at = clock_timestamp() + make_interval(secs => $3) WHERE epoch = $1 AND seq <= $2";
const RELEASE: &str = "UPDATE relay SET expires_at = '-infinity' WHERE epoch = $1";

/// The right to relay a context's log, with the cursor.
pub struct Lease {
    client: Arc<Client>,
    store: Statement,
    epoch: i64,
    /// The number up to which all records are acknowledged by the broker.
    cursor: i64,
    /// The cursor in the table. It is never ahead of `cursor`.
    stored: i64,
    stored_at: Instant,
    /// The end of the lease on this process's monotonic clock, counted from before the renewal was sent.
    until: watch::Sender<Instant>,
}

impl Lease {
    /// Acquires the lease if it is free, or is this relay's own, of `epoch`. Otherwise returns the connection.
    pub(crate) async fn acquire(client: Client, epoch: Option<i64>) -> Result<Result<Self, Client>, Error> {
        let sent_at = Instant::now();
        let Some(row) = client.query_opt(ACQUIRE, &[&DURATION.as_secs_f64(), &epoch]).await? else {
            return Ok(Err(client));
        };
        let store = client.prepare(STORE).await?;
        let (epoch, cursor) = (row.get(0), row.get(1));
        let until = watch::Sender::new(sent_at + DURATION);
        Ok(Ok(Self { client: Arc::new(client), store, epoch, cursor, stored: cursor, stored_at: sent_at, until }))
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Returns the connection of the lease, for a reader of the log that pipelines its queries on it.
    pub(super) fn shared_client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Returns the number up to which all records are acknowledged.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Renews the lease and stores the cursor if either is due: a cursor that has moved, 100 ms after the last store;
    /// the lease, after half of its duration.
    ///
    /// # Errors
    ///
    /// As of [`store`](RelayCursor::store).
    pub async fn renew_if_due(&mut self) -> Result<(), PublishError> {
        match self.renewal_due_in().is_zero() {
            true => self.store(self.cursor).await,
            false => Ok(()),
        }
    }

    /// Returns the time until [`renew_if_due`](Self::renew_if_due) renews the lease.
    pub(super) fn renewal_due_in(&self) -> Duration {
        let renewal = *self.until.borrow() - DURATION / 2;
        let due = if self.cursor > self.stored { renewal.min(self.stored_at + STORE_INTERVAL) } else { renewal };
        due.saturating_duration_since(Instant::now())
    }

    /// Waits until the lease is about to expire, because it was not renewed in time.
    pub(super) fn expiry(&self) -> impl Future<Output = ()> + Send + 'static {
        let until = self.until.subscribe();
        async move {
            loop {
                let end = *until.borrow() - PURGE_RESERVE;
                if Instant::now() >= end {
                    return;
                }
                tokio::time::sleep_until(end).await;
            }
        }
    }

    /// Stores the cursor now, if it has moved.
    ///
    /// # Errors
    ///
    /// As of [`store`](RelayCursor::store).
    pub async fn store_if_moved(&mut self) -> Result<(), PublishError> {
        match self.cursor > self.stored {
            true => self.store(self.cursor).await,
            false => Ok(()),
        }
    }

    /// Releases the lease, so that another process need not wait for its end.
    pub(super) async fn release(self) {
        if let Err(error) = self.client.execute(RELEASE, &[&self.epoch]).await {
            tracing::debug!(%error, "the lease is not released; it expires by itself");
        }
    }
}

impl RelayCursor for Lease {
    fn client(&self) -> &Client {
        &self.client
    }

    fn advance(&mut self, to: i64) {
        self.cursor = self.cursor.max(to);
    }

    /// Also renews the lease.
    async fn store(&mut self, to: i64) -> Result<(), PublishError> {
        let sent_at = Instant::now();
        let stored = self.client.execute(&self.store, &[&self.epoch, &to, &DURATION.as_secs_f64()]).await;
        match stored.map_err(|error| PublishError::Failed(error.to_string()))? {
            0 => Err(PublishError::Fenced),
            _ => {
                self.until.send_replace(sent_at + DURATION);
                (self.stored, self.stored_at) = (to, sent_at);
                Ok(())
            }
        }
    }
}
