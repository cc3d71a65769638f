//! Whether commands can be committed, asked again and again.

use super::Database;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Error};

/// Asks a server whether it takes writes, on a connection that it keeps: under load, a new one would take longer than
/// whoever asks waits.
pub struct Probe {
    database: Database,
    client: Mutex<Option<Client>>,
}

impl Probe {
    /// A probe of a context's database. Nothing is connected before it is asked.
    pub fn new(database: Database) -> Self {
        Self { database, client: Mutex::new(None) }
    }

    /// Whether the server answers and takes writes: it does not while it recovers, or as a replica.
    pub async fn takes_writes(&self) -> bool {
        let mut kept = self.client.lock().await;
        // Taken out, so that one who stops waiting leaves no half-used connection behind.
        let client = match kept.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => match self.database.client("").await {
                Ok(client) => client,
                Err(_) => return false,
            },
        };
        let asked: Result<bool, Error> =
            async { client.query_one("SELECT NOT pg_is_in_recovery()", &[]).await?.try_get(0) }.await;
        *kept = asked.is_ok().then_some(client);
        asked.unwrap_or(false)
    }
}
