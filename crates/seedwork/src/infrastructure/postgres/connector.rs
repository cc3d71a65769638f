//! Opens connections. All of a process are counted; every session has limits, so the server ends what nobody awaits.

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

/// The limits of a session that sets none of its own. A statement that outlives its client ends; a process that is frozen
/// in the middle of a transaction loses it.
const LIMITS: &str =
    "SET statement_timeout = 10000; SET lock_timeout = 3000; SET idle_in_transaction_session_timeout = 2000";

/// Opens connections that play the role of a context.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    config: Config,
    schema: String,
    /// One for each connection that the process may have; none: as many as it likes.
    permits: Option<Arc<Semaphore>>,
}

/// A connection's own half, which has to be driven for as long as the connection lives.
pub(super) struct Driver {
    connection: Connection<Socket, NoTlsStream>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Driver {
    /// Runs the connection to its end by means of `run`. Only then it is not counted any more.
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

    /// A connection as the user that the URL names, without limits. It waits for another to end when the process has as
    /// many as it may.
    pub(super) async fn open(&self) -> Result<(Client, Driver), Error> {
        let permit = match &self.permits {
            // Nobody closes the semaphore.
            Some(permits) => Arc::clone(permits).acquire_owned().await.ok(),
            None => None,
        };
        let (client, connection) = self.config.connect(NoTls).await?;
        Ok((client, Driver { connection, permit }))
    }

    /// The settings of every session of a context.
    pub(super) fn session(&self) -> String {
        format!("SET ROLE sta_{0}; SET search_path = {0}; {LIMITS}", self.schema)
    }

    /// A bare connection, with further settings of the session.
    pub(super) async fn client(&self, settings: &str) -> Result<Client, Error> {
        let (client, driver) = self.open().await?;
        driver.drive(ended);
        client.batch_execute(&format!("{}; {settings}", self.session())).await?;
        Ok(client)
    }

    /// A diesel connection, with further settings of the session.
    pub(super) async fn connect(&self, settings: &str) -> ConnectionResult<AsyncPgConnection> {
        let client = self.client(settings).await.map_err(|error| ConnectionError::BadConnection(describe(&error)))?;
        AsyncPgConnection::try_from(client).await
    }
}

/// Drives a connection that hears nothing.
pub(super) async fn ended(connection: Connection<Socket, NoTlsStream>) {
    // Its end is seen by whoever uses the client.
    let _ = connection.await;
}

/// Asks the server to end what a connection is doing.
pub(super) async fn cancel(token: CancelToken) {
    if let Ok(Err(error)) = timeout(CONNECT, token.cancel_query(NoTls)).await {
        tracing::debug!(error = describe(&error), "a statement was not cancelled; its statement_timeout ends it");
    }
}

/// The error for the log: PostgreSQL's own words, without the data that it quotes in its detail, or the chain of causes.
pub(super) fn describe(error: &Error) -> String {
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
