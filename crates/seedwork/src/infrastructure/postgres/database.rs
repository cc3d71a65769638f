//! How a context reaches its PostgreSQL schema: every connection plays the context's role and sees only its schema.

use super::{listener::Listener, reads::ReadError};
use crate::infrastructure::supervise;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool},
};
use futures_util::FutureExt;
use std::time::Duration;
use tokio_postgres::{Client, Config, NoTls};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// What a session that holds locks for others to wait for may take: a process that is frozen in the middle of a
/// transaction loses it.
const SHORT: &str =
    "SET idle_in_transaction_session_timeout = 2000; SET lock_timeout = 3000; SET statement_timeout = 10000";

/// A context's place in a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct Database {
    config: Config,
    schema: String,
}

impl Database {
    /// The place of a context in the database that `url` names. No connection is made.
    ///
    /// # Errors
    ///
    /// A `url` that is not one of PostgreSQL.
    pub fn new(url: &str, context: &str) -> anyhow::Result<Self> {
        let mut config: Config = url.parse()?;
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3)
            .application_name(format!("sta/{context}"));
        Ok(Self { config, schema: context.to_owned() })
    }

    /// The schema's name, which is the context's.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A bare connection as the user that the URL names, without the context's role.
    pub(crate) async fn administrator(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        supervise::drive(connection.map(drop));
        Ok(client)
    }

    /// A bare connection, with further settings of the session.
    pub(crate) async fn client(&self, settings: &str) -> Result<Client, tokio_postgres::Error> {
        let client = self.administrator().await?;
        client.batch_execute(&format!("{}; {settings}", self.role())).await?;
        Ok(client)
    }

    /// A bare connection that listens on a channel, whose transactions are short.
    pub(crate) async fn listen(&self, channel: &str) -> Result<(Client, Listener), tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        let listener = Listener::drive(connection);
        client.batch_execute(&format!("{}; {SHORT}; LISTEN {channel}", self.role())).await?;
        Ok((client, listener))
    }

    /// A diesel connection.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer, or refuses.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let failed = |error: tokio_postgres::Error| ConnectionError::BadConnection(error.to_string());
        let (client, connection) = self.config.connect(NoTls).await.map_err(failed)?;
        let mut db = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
        db.batch_execute(&self.role()).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(db)
    }

    fn role(&self) -> String {
        format!("SET ROLE sta_{0}; SET search_path = {0}", self.schema)
    }

    /// A pool of `size` diesel connections.
    ///
    /// # Errors
    ///
    /// Never in practice: the settings of the pool are fixed.
    pub fn pool(&self, size: usize) -> anyhow::Result<Pool> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let database = self.clone();
        config.custom_setup = Box::new(move |_| {
            let database = database.clone();
            async move { database.connect().await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
        Ok(Pool(deadpool::Pool::builder(manager).max_size(size).build()?))
    }
}

/// Connections for reads that are not grouped.
#[derive(Clone)]
pub struct Pool(deadpool::Pool<AsyncPgConnection>);

impl Pool {
    /// A connection, as soon as one is free.
    ///
    /// # Errors
    ///
    /// The database does not answer, or all connections are busy for too long.
    pub async fn get(&self) -> Result<deadpool::Object<AsyncPgConnection>, ReadError> {
        let free = tokio::time::timeout(CONNECT, self.0.get()).await;
        free.map_err(|_| ReadError)?.map_err(|error| {
            tracing::error!(%error, "no connection for a read");
            ReadError
        })
    }
}
