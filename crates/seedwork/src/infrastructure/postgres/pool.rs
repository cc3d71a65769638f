//! Connections for reads: shared, closed when they are idle, replaced when they are lost.

use super::{
    connector::{CONNECT, Connector, cancel},
    reads::ReadError,
};
use crate::infrastructure::{outage::Outage, supervise};
use diesel::result::Error;
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

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(2);
/// How often idle connections are looked for.
pub(super) const SWEEP: Duration = Duration::from_millis(500);

/// Longer than `statement_timeout`, which ends the wait for a lock, too: an error of `lock_timeout` looks like one of the
/// statement, see [`is_of_the_statement`].
const LOCKS: &str = "SET lock_timeout = 11000";

/// Connections of a context for reads.
#[derive(Clone)]
pub struct Pool {
    pool: deadpool::Pool<AsyncPgConnection>,
    context: Arc<str>,
    outage: Outage,
}

/// Why a read was not answered.
#[derive(Debug)]
pub(super) enum Failed {
    /// The database is away, or slow.
    Away(String),
    /// PostgreSQL refuses the statement, or its rows are not those that the program expects.
    Defect(String),
}

impl Pool {
    pub(super) fn new(connector: Connector, size: usize, settings: &'static str, outage: Outage) -> Self {
        let mut config = ManagerConfig::default();
        // A closed one is noticed without a round trip.
        config.recycling_method = RecyclingMethod::Fast;
        let context = connector.schema().into();
        config.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            async move { connector.connect(&format!("{LOCKS}; {settings}")).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
        let pool = deadpool::Pool::builder(manager).max_size(size);
        // Only timeouts would need a runtime, and it has none.
        let pool = pool.build().expect("the settings of a pool are fixed, and complete");
        Self { pool, context, outage }
    }

    /// A connection, as soon as one is free.
    async fn lend(&self) -> Result<Lent, Failed> {
        match timeout(CONNECT, self.pool.get()).await {
            Ok(Ok(db)) => Ok(Lent(Some(db))),
            Ok(Err(deadpool::PoolError::Backend(error))) => Err(Failed::Away(error.to_string())),
            Ok(Err(error)) => Err(Failed::Away(error.to_string())),
            Err(_) => Err(Failed::Away("no connection was free in time".to_owned())),
        }
    }

    /// Begins a read.
    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts { pool: self, left: 1 }
    }

    /// What they are told whose reads failed, so many of them; the log is told, too.
    pub(super) fn refuse(&self, failed: Failed, reads: usize) -> ReadError {
        match failed {
            Failed::Away(cause) => {
                self.outage.refused(&self.context, reads, cause);
                ReadError::Unavailable
            }
            Failed::Defect(cause) => ReadError::Defect(cause.into()),
        }
    }

    /// Closes what nobody has used for a while.
    pub(super) fn close_idle(&self) {
        self.pool.retain(|_, metrics| metrics.last_used() < IDLE);
    }
}

/// A read that is made once more when its connection turns out to be lost.
pub(super) struct Attempts<'p> {
    pool: &'p Pool,
    left: usize,
}

impl Attempts<'_> {
    /// The connection for the next attempt.
    pub(super) async fn connection(&self) -> Result<Lent, Failed> {
        self.pool.lend().await
    }

    /// Judges a failure: an error, unless the read is to be made again.
    pub(super) async fn failed(&mut self, mut db: Lent, error: Error) -> Result<(), Failed> {
        let is_lost = db.batch_execute("").await.is_err();
        db.discard();
        if is_lost && self.left > 0 {
            self.left -= 1;
            return Ok(());
        }
        let text = error.to_string();
        Err(if !is_lost && is_of_the_statement(&error) { Failed::Defect(text) } else { Failed::Away(text) })
    }
}

/// Whether a statement does not fit the tables, on a connection that lives. PostgreSQL then says where in the statement
/// it is wrong; diesel keeps the SQLSTATE to itself. That a statement was cancelled is said without a place.
fn is_of_the_statement(error: &Error) -> bool {
    match error {
        Error::DatabaseError(_, information) => information.statement_position().is_some(),
        _ => true,
    }
}

/// A connection that is used. When it is dropped with a statement on its way, the server is asked to end that.
pub(super) struct Lent(Option<deadpool::Object<AsyncPgConnection>>);

impl Lent {
    /// Gives it back: its statement was answered.
    pub(super) fn give_back(mut self) {
        self.0 = None;
    }

    /// Closes it: it is not to be used again.
    fn discard(mut self) {
        drop(self.0.take().map(deadpool::Object::take));
    }
}

impl Deref for Lent {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        self.0.as_ref().expect("it is taken out only when it is given back or dropped")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        self.0.as_mut().expect("it is taken out only when it is given back or dropped")
    }
}

impl Drop for Lent {
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
