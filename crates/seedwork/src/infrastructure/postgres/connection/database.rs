//! A context's PostgreSQL schema. Every connection has the context's role and sees only this schema.

use super::{
    connection_limit::{ConnectionLimit, ConnectionShare},
    connector::{Connector, ended},
    listener::Listener,
    pool::Pool,
    read_error::ReadFailure,
};
use crate::infrastructure::outage::Outage;
use diesel::{ConnectionResult, QueryResult};
use diesel_async::AsyncPgConnection;
use futures_util::future::BoxFuture;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_postgres::{Client, Error};

/// The settings of a session that reads by id. The index is always the right plan, so the plan is kept.
const BY_ID: &str = "SET plan_cache_mode = force_generic_plan";

/// A context's schema in a PostgreSQL database, and the connections to it.
#[derive(Clone)]
pub struct Database {
    connector: Connector,
    share: ConnectionShare,
    lists: Pool,
    outage: Outage,
    /// One check for each type of aggregate that is read here.
    checks: Arc<Mutex<Vec<Check>>>,
}

/// Reads no rows of a type of aggregate. An error means that the tables do not match the program.
pub(super) type Check = fn(&mut AsyncPgConnection) -> BoxFuture<'_, QueryResult<()>>;

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("connector", &self.connector)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// A context's schema in the database that `url` names. No connection is opened.
    ///
    /// # Errors
    ///
    /// `url` is no PostgreSQL URL.
    pub fn new(url: &str, context: &str) -> anyhow::Result<Self> {
        Self::with_limit(url, context, &ConnectionLimit::default())
    }

    /// Does the same as [`new`](Self::new) for a process whose connections are limited.
    ///
    /// # Errors
    ///
    /// `url` is no PostgreSQL URL.
    pub fn with_limit(url: &str, context: &str, limit: &ConnectionLimit) -> anyhow::Result<Self> {
        let connector = Connector::new(url, context, limit.permits())?;
        let (share, outage) = (limit.share(), Outage::default());
        let lists = Pool::new(connector.clone(), share.lists, "", outage.clone());
        Ok(Self { connector, share, lists, outage, checks: Arc::default() })
    }

    /// The schema's name, which is the context's.
    pub fn schema(&self) -> &str {
        self.connector.schema()
    }

    /// Opens a plain connection as the user that the URL names, without the context's role and without limits.
    pub(crate) async fn administrator(&self) -> Result<Client, Error> {
        let (client, driver) = self.connector.open().await?;
        driver.drive(ended);
        Ok(client)
    }

    /// Opens a plain connection with further `settings` of its session.
    pub(crate) async fn client(&self, settings: &str) -> Result<Client, Error> {
        self.connector.client(settings).await
    }

    /// Opens a plain connection that listens on a channel.
    pub(crate) async fn listen(&self, channel: &str) -> Result<(Client, Listener), Error> {
        let (client, driver) = self.connector.open().await?;
        let listener = Listener::drive(driver);
        client.batch_execute(&format!("{}; LISTEN {channel}", self.connector.session())).await?;
        Ok((client, listener))
    }

    /// Opens a diesel connection.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer, or refuses the connection.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        self.connector.connect("").await
    }

    /// The connections for lists and other reads that are not by id.
    pub fn list_pool(&self) -> &Pool {
        &self.lists
    }

    /// Creates a pool of one connection for reads by id.
    pub(crate) fn by_id_pool(&self) -> Pool {
        Pool::new(self.connector.clone(), 1, BY_ID, self.outage.clone())
    }

    /// The context's share of the spare connections.
    pub(crate) fn share(&self) -> ConnectionShare {
        self.share
    }

    fn checks(&self) -> MutexGuard<'_, Vec<Check>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the check of a type of aggregate that is read here.
    pub(crate) fn expect(&self, check: Check) {
        self.checks().push(check);
    }

    /// Returns true if the tables of all aggregates that are read here match the program. A database that does not
    /// answer counts as a match.
    pub(crate) async fn fits(&self) -> bool {
        let checks = self.checks().clone();
        for check in checks {
            if let Err(ReadFailure::Defect(error)) = self.lists.read(check).await {
                tracing::error!(context = self.schema(), error, "the tables do not match the program");
                return false;
            }
        }
        true
    }

    /// Logs requests that were refused because the database does not answer.
    pub(crate) fn refused(&self, requests: usize, cause: String) {
        self.outage.refused(self.schema(), requests, cause);
    }
}
