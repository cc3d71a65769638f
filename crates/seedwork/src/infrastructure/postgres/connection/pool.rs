//! A pool of connections for reads. It closes idle connections and replaces lost ones.

use super::{
    connector::{CONNECT, Connector, cancel},
    read_error::{ReadError, ReadFailure},
};
use crate::infrastructure::{outage::Outage, supervise};
use diesel::{QueryResult, result::Error};
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool},
};
use futures_util::FutureExt;
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

/// The time after which an unused connection is closed.
const IDLE: Duration = Duration::from_secs(2);
/// The interval between two searches for idle connections.
pub(crate) const SWEEP: Duration = Duration::from_millis(500);

/// The longest wait for a lock, in milliseconds. It is longer than `statement_timeout`, which therefore ends such a
/// wait. An error of `lock_timeout` would look like an error of the statement, see [`is_of_the_statement`].
const LOCKS: &str = "SET lock_timeout = 11000";

/// A pool of a context's connections for reads.
#[derive(Clone)]
pub struct Pool {
    pool: deadpool::Pool<AsyncPgConnection>,
    context: Arc<str>,
    outage: Outage,
}

impl Pool {
    pub(super) fn new(connector: Connector, size: usize, settings: &'static str, outage: Outage) -> Self {
        let mut config = ManagerConfig::default();
        // A closed connection is detected without a round trip.
        config.recycling_method = RecyclingMethod::Fast;
        let context = connector.schema().into();
        config.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            async move { connector.connect(&format!("{LOCKS}; {settings}")).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
        let pool = deadpool::Pool::builder(manager).max_size(size);
        // Only a pool with timeouts needs a runtime, and this one has none.
        let pool = pool.build().expect("the settings of a pool are fixed, and complete");
        Self { pool, context, outage }
    }

    /// Returns a connection as soon as one is free.
    async fn get(&self) -> Result<PooledConnection, ReadFailure> {
        match timeout(CONNECT, self.pool.get()).await {
            Ok(Ok(db)) => Ok(PooledConnection(Some(db))),
            Ok(Err(deadpool::PoolError::Backend(error))) => Err(ReadFailure::Away(error.to_string())),
            Ok(Err(error)) => Err(ReadFailure::Away(error.to_string())),
            Err(_) => Err(ReadFailure::Away("no connection was free in time".to_owned())),
        }
    }

    /// Makes a read on a connection of the pool. If the connection turns out to be lost, the read is made once more on
    /// another one.
    ///
    /// `read` must own what it uses (`async move`): the compiler cannot prove that a borrowing one is `Send`.
    pub(crate) async fn read<T>(
        &self,
        mut read: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> Result<T, ReadFailure> {
        let mut is_retry = false;
        loop {
            let mut db = self.get().await?;
            let error = match read(&mut db).await {
                Ok(found) => {
                    db.give_back();
                    return Ok(found);
                }
                Err(error) => error,
            };
            let is_lost = db.batch_execute("").await.is_err();
            db.discard();
            if is_lost && !is_retry {
                is_retry = true;
                continue;
            }
            let text = error.to_string();
            let is_defect = !is_lost && is_of_the_statement(&error);
            return Err(if is_defect { ReadFailure::Defect(text) } else { ReadFailure::Away(text) });
        }
    }

    /// Returns the error for `reads` reads that failed. If the database is away, it also logs them.
    pub(crate) fn refuse(&self, failed: ReadFailure, reads: usize) -> ReadError {
        match failed {
            ReadFailure::Away(cause) => {
                self.outage.refused(&self.context, reads, cause);
                ReadError::Unavailable
            }
            ReadFailure::Defect(cause) => ReadError::Defect(cause.into()),
        }
    }

    /// Closes connections that have been unused for [`IDLE`].
    pub(crate) fn close_idle(&self) {
        self.pool.retain(|_, metrics| metrics.last_used() < IDLE);
    }
}

/// Returns true if a statement does not match the tables. PostgreSQL then returns the position of the error in the
/// statement; diesel hides the SQLSTATE. The error of a cancelled statement has no position.
fn is_of_the_statement(error: &Error) -> bool {
    match error {
        Error::DatabaseError(_, information) => information.statement_position().is_some(),
        _ => true,
    }
}

/// A connection in use. Dropping it while a statement runs cancels the statement on the server.
struct PooledConnection(Option<deadpool::Object<AsyncPgConnection>>);

impl PooledConnection {
    /// Returns the connection to the pool. Call it after its statement has ended.
    fn give_back(mut self) {
        self.0 = None;
    }

    /// Closes the connection, so that it is not used again.
    fn discard(mut self) {
        drop(self.0.take().map(deadpool::Object::take));
    }
}

impl Deref for PooledConnection {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        self.0.as_ref().expect("it is taken out only when it is given back or dropped")
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        self.0.as_mut().expect("it is taken out only when it is given back or dropped")
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(db) = self.0.take().map(deadpool::Object::take) else { return };
        if Handle::try_current().is_ok() {
            supervise::drive(async move {
                cancel(db.cancel_token()).await;
                drop(db);
            });
        }
    }
}
