//! The lease on a context's log: one relay is active, and one that has lost its lease cannot move the cursor.

use crate::infrastructure::broker::PublishError;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_postgres::{Client, Error, Statement};

/// How long a lease lasts from its last renewal.
pub(super) const TERM: Duration = Duration::from_secs(5);

/// The shortest interval between two stores of the cursor: each costs a commit, and a new version of the row.
const STORE: Duration = Duration::from_millis(100);
/// The time that is left of a lease for taking back what is on its way.
const RESERVE: Duration = Duration::from_secs(1);

/// Takes the lease. A lease that ends later than one taken now was dated by a clock that is not the server's any more:
/// it counts as free.
const ACQUIRE: &str = "\
    UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => $1) \
    WHERE expires_at < clock_timestamp() OR expires_at > clock_timestamp() + make_interval(secs => $1) OR epoch = $2 \
    RETURNING epoch, seq";
const ADVANCE: &str = "\
    UPDATE relay SET seq = $2, expires_at = clock_timestamp() + make_interval(secs => $3) WHERE epoch = $1 AND seq <= $2";
const RELEASE: &str = "UPDATE relay SET expires_at = '-infinity' WHERE epoch = $1";

/// The right to relay a context's log, and how far it has been relayed.
pub struct Lease {
    client: Arc<Client>,
    advance: Statement,
    epoch: i64,
    /// The number up to which everything is safe at the broker.
    cursor: i64,
    /// The cursor in the table: never ahead of `cursor`.
    stored: i64,
    stored_at: Instant,
    /// By this process's own monotonic clock: measured from before the renewal was asked for.
    until: watch::Sender<Instant>,
}

impl Lease {
    /// Takes the lease if it is free, or was this relay's own in `epoch`; else gives the connection back.
    pub(crate) async fn acquire(client: Client, epoch: Option<i64>) -> Result<Result<Self, Client>, Error> {
        let asked = Instant::now();
        let Some(row) = client.query_opt(ACQUIRE, &[&TERM.as_secs_f64(), &epoch]).await? else {
            return Ok(Err(client));
        };
        let advance = client.prepare(ADVANCE).await?;
        let (epoch, cursor) = (row.get(0), row.get(1));
        let until = watch::Sender::new(asked + TERM);
        Ok(Ok(Self { client: Arc::new(client), advance, epoch, cursor, stored: cursor, stored_at: asked, until }))
    }

    /// The number of the lease.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The connection that the lease was taken on.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same connection, for a reader of the log that sends its queries while the connection is used for other
    /// things.
    pub(super) fn shared(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// The number of the last message that was relayed.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Moves the cursor in memory: everything up to `to` is safe. [`keep`](Self::keep) stores it.
    pub fn moved(&mut self, to: i64) {
        self.cursor = self.cursor.max(to);
    }

    /// Renews the lease and stores the cursor when either is due: a cursor that moved after 100 ms, the lease after half
    /// of its term.
    ///
    /// # Errors
    ///
    /// See [`advance`](Self::advance).
    pub async fn keep(&mut self) -> Result<(), PublishError> {
        match self.due().is_zero() {
            true => self.advance(self.cursor).await,
            false => Ok(()),
        }
    }

    /// The time until [`keep`](Self::keep) has something to do.
    pub(super) fn due(&self) -> Duration {
        let renewal = *self.until.borrow() - TERM / 2;
        let due = if self.cursor > self.stored { renewal.min(self.stored_at + STORE) } else { renewal };
        due.saturating_duration_since(Instant::now())
    }

    /// Waits until the lease is not to be relied upon any more, because it was not renewed in time.
    pub(super) fn lapses(&self) -> impl Future<Output = ()> + Send + 'static {
        let until = self.until.subscribe();
        async move {
            loop {
                let end = *until.borrow() - RESERVE;
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
    /// See [`advance`](Self::advance).
    pub async fn store(&mut self) -> Result<(), PublishError> {
        match self.cursor > self.stored {
            true => self.advance(self.cursor).await,
            false => Ok(()),
        }
    }

    /// Stores the cursor and renews the lease, also inside a transaction of its [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// [`PublishError::Fenced`] when another process has taken the lease.
    pub async fn advance(&mut self, to: i64) -> Result<(), PublishError> {
        let asked = Instant::now();
        let advanced = self.client.execute(&self.advance, &[&self.epoch, &to, &TERM.as_secs_f64()]).await;
        match advanced.map_err(|error| PublishError::Failed(error.to_string()))? {
            0 => Err(PublishError::Fenced),
            _ => {
                self.until.send_replace(asked + TERM);
                (self.stored, self.stored_at) = (to, asked);
                Ok(())
            }
        }
    }

    /// Gives the lease up, so that another process need not wait for its end.
    pub(super) async fn release(self) {
        if let Err(error) = self.client.execute(RELEASE, &[&self.epoch]).await {
            tracing::debug!(%error, "the lease was not given up; it ends by itself");
        }
    }
}
