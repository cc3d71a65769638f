//! Which PostgreSQL: the one that `DATABASE_URL` names, or the embedded one of the data directory.

use crate::settings::Settings;
use local_postgres::LocalPostgres;
use std::path::PathBuf;
use tokio::time::Instant;

/// Where the embedded server keeps its data when nobody says otherwise.
const DATA_DIR: &str = ".sta";
/// Where it goes instead when this cannot be reached by the server's account.
const SYSTEM_DIR: &str = "/var/lib/sta";

/// Keeps the errors of our sessions out of the server's log: their messages may quote personal data, and this process
/// reports those that matter itself.
const QUIET: &str = "-c%20log_min_messages%3Dlog";

/// The PostgreSQL server of this process.
pub(crate) struct Server {
    url: String,
    embedded: Option<LocalPostgres>,
}

impl Server {
    /// Finds the server, or starts or joins the embedded one.
    ///
    /// # Errors
    ///
    /// The embedded server cannot be started.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Self> {
        if let Some(url) = &settings.database_url {
            return Ok(Self { url: url.0.clone(), embedded: None });
        }
        let data_dir = settings.data_dir.clone().unwrap_or_else(|| PathBuf::from(DATA_DIR));
        let server = LocalPostgres::start(local_postgres::Settings {
            data_dir_is_default: settings.data_dir.is_none(),
            system_dir: PathBuf::from(SYSTEM_DIR),
            bin_dir: settings.postgres_bin.clone(),
            ..local_postgres::Settings::new(data_dir)
        })
        .await?;
        tracing::info!(psql = server.psql(), "the embedded PostgreSQL can be reached");
        Ok(Self { url: format!("{}?options={QUIET}", server.url()), embedded: Some(server) })
    }

    /// How to connect.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Keeps the embedded server alive, for as long as this is polled.
    pub(crate) async fn keep_alive(&self) {
        match &self.embedded {
            Some(server) => match server.keep_alive().await {},
            None => std::future::pending().await,
        }
    }

    /// Leaves the embedded server; the last to leave stops it.
    ///
    /// # Errors
    ///
    /// It does not stop in time.
    pub(crate) async fn leave(self, deadline: Instant) -> anyhow::Result<()> {
        match self.embedded {
            Some(server) => Ok(server.stop_within(deadline.saturating_duration_since(Instant::now())).await?),
            None => Ok(()),
        }
    }
}
