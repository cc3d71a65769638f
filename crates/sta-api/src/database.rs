//! The PostgreSQL server: that of `DATABASE_URL`, or the embedded one of the data directory.

use crate::settings::Settings;
use local_postgres::LocalPostgres;
use std::path::PathBuf;
use tokio::time::Instant;

/// The data directory of the embedded server if `STA_DATA_DIR` is not set.
const DATA_DIR: &str = ".sta";
/// The data directory instead if the account of the server cannot reach that one.
const SYSTEM_DIR: &str = "/var/lib/sta";

/// Keeps errors of our sessions out of the log of the server: their messages may quote personal data. This process logs
/// those that matter.
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

    /// Returns the URL for connections.
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

    /// Releases the embedded server. The last process that does so stops it.
    ///
    /// # Errors
    ///
    /// It does not stop in time.
    pub(crate) async fn release(self, deadline: Instant) -> anyhow::Result<()> {
        match self.embedded {
            Some(server) => Ok(server.stop_within(deadline.saturating_duration_since(Instant::now())).await?),
            None => Ok(()),
        }
    }
}
