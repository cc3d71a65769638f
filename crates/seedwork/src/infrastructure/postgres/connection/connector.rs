//! Opens connections, and counts those of a process. Every session has limits, so that the server ends statements that
//! nobody awaits.

use crate::infrastructure::supervise;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use std::{fmt::Display, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_postgres::{CancelToken, Client, Config, Connection, Error, NoTls, Socket, tls::NoTlsStream};

/// The longest time that opening a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(2);

/// The limits of a session that sets none of its own. The server ends a statement that outlives its client, and the
/// transaction of a process that freezes.
const LIMITS: &str =
    "SET statement_timeout = 10000; SET lock_timeout = 3000; SET idle_in_transaction_session_timeout = 2000";

/// Opens connections with the role of a context.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    config: Config,
    schema: String,
    /// One permit for each connection that the process may have. None means no limit.
    permits: Option<Arc<Semaphore>>,
}

/// The half of a connection that sends and receives. It must be driven as long as the connection lives.
pub(super) struct Driver {
    connection: Connection<Socket, NoTlsStream>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Driver {
    /// Drives the connection to its end with `run`. Only then is its permit returned.
    pub(super) fn drive<F>(self, run: impl FnOnce(Connection<Socket, NoTlsStream>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (running, permit) = (run(self.connection), self.permit);
        supervise::drive(async move {
            running.await;
            drop(permit);
        });
    }
}

impl Connector {
    pub(super) fn new(url: &str, context: &str, permits: Option<Arc<Semaphore>>) -> Result<Self, Error> {
        let mut config: Config = url.parse()?;
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3)
            .application_name(format!("sta/{context}"));
        Ok(Self { config, schema: context.to_owned(), permits })
    }

    /// The schema's name, which is the context's.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// Opens a connection as the user that the URL names, without the limits of a session. If the process has all the
    /// connections that it may have, this waits until one ends.
    pub(super) async fn open(&self) -> Result<(Client, Driver), Error> {
        let permit = match &self.permits {
            // The semaphore is never closed.
            Some(permits) => Arc::clone(permits).acquire_owned().await.ok(),
            None => None,
        };
        let (client, connection) = self.config.connect(NoTls).await?;
        Ok((client, Driver { connection, permit }))
    }

    /// Returns the settings of every session of a context.
    pub(super) fn session(&self) -> String {
        format!("SET ROLE sta_{0}; SET search_path = {0}; {LIMITS}", self.schema)
    }

    /// Opens a plain connection with further `settings` of its session.
    pub(super) async fn client(&self, settings: &str) -> Result<Client, Error> {
        let (client, driver) = self.open().await?;
        driver.drive(ended);
        client.batch_execute(&format!("{}; {settings}", self.session())).await?;
        Ok(client)
    }

    /// Opens a diesel connection with further `settings` of its session.
    pub(super) async fn connect(&self, settings: &str) -> ConnectionResult<AsyncPgConnection> {
        let client = self.client(settings).await.map_err(|error| ConnectionError::BadConnection(describe(&error)))?;
        AsyncPgConnection::try_from(client).await
    }
}

/// Drives a connection that receives no notifications.
pub(super) async fn ended(connection: Connection<Socket, NoTlsStream>) {
    // The user of the client sees the error.
    let _ = connection.await;
}

/// Asks the server to cancel the statement that runs on a connection.
pub(super) async fn cancel(token: CancelToken) {
    if let Ok(Err(error)) = timeout(CONNECT, token.cancel_query(NoTls)).await {
        tracing::debug!(error = describe(&error), "a statement was not cancelled: its statement_timeout ends it");
    }
}

/// Returns an error's text for the log: PostgreSQL's message without the detail, which quotes data, or the chain of
/// causes.
pub(crate) fn describe(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let further: &dyn Display = next;
        text = format!("{text}: {further}");
        cause = next.source();
    }
    text
}
