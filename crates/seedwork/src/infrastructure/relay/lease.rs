//! The lease on a context's log: one relay is active, and one that has lost its lease cannot move the cursor.

use crate::infrastructure::broker::PublishError;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_postgres::{Client, Error, Statement};

/// How long a lease lasts from its last renewal.
pub(super) const TERM: Duration = Duration::from_secs(5);

const ACQUIRE: &str = "\
    UPDATE relay SET epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => $1) \
    WHERE expires_at < clock_timestamp() OR epoch = $2 RETURNING epoch, seq";
const ADVANCE: &str = "\
    UPDATE relay SET seq = $2, expires_at = clock_timestamp() + make_interval(secs => $3) WHERE epoch = $1 AND seq <= $2";
const RELEASE: &str = "UPDATE relay SET expires_at = '-infinity' WHERE epoch = $1";

/// The right to relay a context's log, and how far it has been relayed.
pub struct Lease {
    client: Arc<Client>,
    advance: Statement,
    epoch: i64,
    cursor: i64,
    /// By this process's own monotonic clock: measured from before the renewal was asked for.
    until: Instant,
}

impl Lease {
    /// Takes the lease if it is free, or was this relay's own in `epoch`; else gives the connection back.
    pub(crate) async fn acquire(client: Client, epoch: Option<i64>) -> Result<Result<Self, Client>, Error> {
        let asked = Instant::now();
        let Some(row) = client.query_opt(ACQUIRE, &[&TERM.as_secs_f64(), &epoch]).await? else {
            return Ok(Err(client));
        };
        let advance = client.prepare(ADVANCE).await?;
        Ok(Ok(Self { client: Arc::new(client), advance, epoch: row.get(0), cursor: row.get(1), until: asked + TERM }))
    }

    /// Which lease it is: they are counted.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The connection that the lease was taken on.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same connection for a reader of the log, who asks while it is used for other things.
    pub(super) fn shared(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// The number of the last message that was relayed.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Whether it can still be relied upon for as long as a batch takes.
    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() + TERM / 2 < self.until
    }

    /// How long it can still be relied upon, with some time left to take back what is on its way.
    pub fn remaining(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).saturating_sub(TERM / 5)
    }

    /// Moves the cursor and renews the lease, also inside a transaction of its [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// [`PublishError::Fenced`] when another process has taken the lease.
    pub async fn advance(&mut self, to: i64) -> Result<(), PublishError> {
        let asked = Instant::now();
        let moved = self.client.execute(&self.advance, &[&self.epoch, &to, &TERM.as_secs_f64()]).await;
        match moved.map_err(|error| PublishError::Failed(error.to_string()))? {
            0 => Err(PublishError::Fenced),
            _ => {
                self.until = asked + TERM;
                Ok(())
            }
        }
    }

    /// Takes note that the cursor's move is committed.
    pub(super) fn moved(&mut self, to: i64) {
        self.cursor = to;
    }

    /// Gives the lease up, so that another process need not wait for its end.
    pub(super) async fn release(self) {
        if let Err(error) = self.client.execute(RELEASE, &[&self.epoch]).await {
            tracing::debug!(%error, "the lease was not given up; it ends by itself");
        }
    }
}
