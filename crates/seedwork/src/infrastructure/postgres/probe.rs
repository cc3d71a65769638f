//! Readiness of a context's database: its state, the room in its log, and the number of parked messages.

use super::{
    Database,
    write::{outbox::LAST_SEQ, partitions::UNTIL},
};
use crate::infrastructure::supervise;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout_at},
};
use tokio_postgres::{Client, Error, Statement, error::SqlState};

/// The longest time until an answer.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The time for which an answer is reused. Readiness is open to everybody, and must not load the database.
const FRESH: Duration = Duration::from_secs(1);
/// The pause before a log without room is checked again. At the first start its partitions are just being made.
const ROOM: Duration = Duration::from_millis(50);
/// The time after which an unused connection is closed.
const IDLE: Duration = Duration::from_secs(2);
/// The longest use of a connection. A server whose default becomes read only shows that in new sessions only.
const SESSION: Duration = Duration::from_secs(60);

/// The settings of the session. With little memory, [`SPACE`] needs a temporary file. The file is on the disk of the
/// tables, wherever other temporary files are kept.
const SETTINGS: &str = "SET work_mem = '64kB'; SET temp_tablespaces = ''; SET jit = off";

/// Writes some hundred kilobytes to a temporary file, which ends with the query. It detects a full disk early: commits
/// still find room in existing pages for a while.
const SPACE: &str = "SELECT count(*) FROM generate_series(1, 20000)";

/// The highest count of messages. It bounds the cost of counting, however many there are.
const MOST: i64 = 10_000;

const PARKED_COUNTS: &str = "\
    SELECT (SELECT count(*) FROM (SELECT FROM parked LIMIT $1) AS found), \
    (SELECT count(*) FROM (SELECT FROM parked WHERE dead LIMIT $1) AS found)";

/// The readiness of a context's database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Its state.
    pub database: DatabaseState,
    /// The number of the last message in the log, whichever process wrote it.
    pub last: i64,
    /// The number of messages that the log still has room for.
    pub room: i64,
    /// The parked messages. None if they could not be counted in time.
    pub parked_counts: Option<ParkedCounts>,
}

/// The state of a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DatabaseState {
    /// It can be written.
    Up,
    /// It does not answer in time, or fails.
    #[default]
    Down,
    /// It is a replica, in recovery, or set to read only.
    ReadOnly,
    /// Its disk is full.
    Full,
    /// A table or a column that the program reads is missing.
    Mismatched,
}

/// The number of parked messages. Ten thousand stands for that many or more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParkedCounts {
    /// All parked messages, dead ones included.
    pub parked: i64,
    /// The dead ones, which are not retried.
    pub dead: i64,
}

impl Readiness {
    /// Returns true if commands can be committed.
    pub fn accepts_commands(&self) -> bool {
        self.database == DatabaseState::Up && self.room > 0
    }
}

/// Checks the readiness of a context's database. It keeps its connection: under load, a new one would take longer than
/// the caller waits.
pub struct Probe {
    database: Database,
    cache: Arc<Mutex<ProbeCache>>,
}

#[derive(Default)]
struct ProbeCache {
    connection: Option<ProbeConnection>,
    answer: Option<(Instant, Readiness)>,
}

impl Probe {
    /// Creates a probe of a context's database. The first check opens its connection.
    pub fn new(database: Database) -> Self {
        Self { database, cache: Arc::default() }
    }

    /// Returns the readiness within a second. It is at most a second old.
    pub async fn check(&self) -> Readiness {
        let until = Instant::now() + TIMEOUT;
        let Ok(mut cache) = timeout_at(until, self.cache.lock()).await else { return Readiness::default() };
        if let Some((at, readiness)) = cache.answer
            && at.elapsed() < FRESH
        {
            return readiness;
        }
        // Taken out, so that a caller that stops waiting leaves no half-used connection behind.
        let connection = cache.connection.take().filter(ProbeConnection::is_usable);
        let asked = timeout_at(until, async {
            let connection = match connection {
                Some(connection) => connection,
                None => ProbeConnection::open(&self.database).await?,
            };
            loop {
                let (database, last, room) = connection.writes().await?;
                if room > 0 || database != DatabaseState::Up || Instant::now() + ROOM > until {
                    return Ok::<_, Error>((connection, database, last, room));
                }
                sleep(ROOM).await;
            }
        });
        let (connection, database, last, room) = match asked.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::debug!(context = self.database.schema(), %error, "the database cannot be probed");
                return Readiness::default();
            }
            Err(_) => return Readiness::default(),
        };
        let parked_counts = timeout_at(until, connection.parked_counts()).await.ok().and_then(Result::ok);
        let fits = timeout_at(until, self.database.fits()).await.unwrap_or(true);
        let is_mismatched = database == DatabaseState::Up && !fits;
        let database = if is_mismatched { DatabaseState::Mismatched } else { database };
        let readiness = Readiness { database, last, room, parked_counts };
        cache.answer = Some((Instant::now(), readiness));
        cache.connection = parked_counts.is_some().then_some(connection);
        self.close_when_idle();
        readiness
    }

    /// Closes the connection after a while without checks.
    fn close_when_idle(&self) {
        let cache = Arc::clone(&self.cache);
        supervise::drive(async move {
            sleep(IDLE).await;
            let mut cache = cache.lock().await;
            if cache.answer.is_none_or(|(at, _)| at.elapsed() >= IDLE) {
                cache.connection = None;
            }
        });
    }
}

struct ProbeConnection {
    client: Client,
    opened: Instant,
    writes: Statement,
    space: Statement,
}

impl ProbeConnection {
    async fn open(database: &Database) -> Result<Self, Error> {
        let client = database.client(SETTINGS).await?;
        let writes = format!(
            "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool, ({LAST_SEQ}), ({UNTIL})"
        );
        let (writes, space) = tokio::try_join!(client.prepare(&writes), client.prepare(SPACE))?;
        Ok(Self { client, opened: Instant::now(), writes, space })
    }

    fn is_usable(&self) -> bool {
        !self.client.is_closed() && self.opened.elapsed() < SESSION
    }

    /// Returns the state of the database, the number of the last message in the log, and the room that is left in it.
    async fn writes(&self) -> Result<(DatabaseState, i64, i64), Error> {
        let row = self.client.query_one(&self.writes, &[]).await?;
        let (reads_only, last, until): (bool, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let state = if reads_only { DatabaseState::ReadOnly } else { self.space().await? };
        Ok((state, last, until - last))
    }

    async fn space(&self) -> Result<DatabaseState, Error> {
        match self.client.query_one(&self.space, &[]).await {
            Ok(_) => Ok(DatabaseState::Up),
            Err(error) if error.code() == Some(&SqlState::DISK_FULL) => Ok(DatabaseState::Full),
            // The server does not allow a temporary file of this size, so a full disk is not detected here.
            Err(error) if error.code() == Some(&SqlState::CONFIGURATION_LIMIT_EXCEEDED) => Ok(DatabaseState::Up),
            Err(error) => Err(error),
        }
    }

    async fn parked_counts(&self) -> Result<ParkedCounts, Error> {
        // Not prepared with the others: preparing waits while the table is locked.
        let row = self.client.query_one(PARKED_COUNTS, &[&MOST]).await?;
        Ok(ParkedCounts { parked: row.try_get(0)?, dead: row.try_get(1)? })
    }
}
