//! The progress of a relay as the database has it: every process of a context sees it, whoever leads.

use crate::domain::Instante;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use tokio_postgres::{Client, Error};

/// How often the database is asked.
const FRESH: Duration = Duration::from_secs(1);
/// How often withheld messages are counted: it takes a scan of their table.
const RECOUNT: Duration = Duration::from_secs(10);

/// Only partitions of the log behind the cursor are opened.
const PROGRESS: &str = "\
    SELECT cursor, coalesce((SELECT max(seq) FROM outbox WHERE seq > cursor), cursor), \
    (SELECT time FROM outbox WHERE seq > cursor ORDER BY seq LIMIT 1) \
    FROM (SELECT greatest(seq, $1::int8) AS cursor FROM relay) relay";

const WITHHELD: &str = "SELECT count(*) FROM withheld";

/// The state of a context's relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayState {
    /// Whether this process is the one that relays.
    pub leads: bool,
    /// The progress of whichever process relays; none while it is not known.
    pub progress: Option<Progress>,
}

/// How far a context's log is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last message in the log.
    pub last: i64,
    /// The number of the last message that was relayed.
    pub cursor: i64,
    /// The time of the oldest message that waits; none when nothing waits.
    pub oldest: Option<Instante>,
    /// How many messages are withheld, because the broker refuses them or one before them.
    pub withheld: i64,
}

/// Keeps the state of a relay up to date.
pub(super) struct Observer {
    state: watch::Sender<RelayState>,
    asked_at: Option<Instant>,
    counted: Option<(i64, Instant)>,
}

impl Observer {
    pub(super) fn new(state: watch::Sender<RelayState>) -> Self {
        Self { state, asked_at: None, counted: None }
    }

    pub(super) fn leads(&self, leads: bool) {
        self.state.send_if_modified(|state| std::mem::replace(&mut state.leads, leads) != leads);
    }

    /// The database does not answer.
    pub(super) fn lost(&mut self) {
        self.state.send_modify(|state| state.progress = None);
        (self.asked_at, self.counted) = (None, None);
    }

    /// Asks the database, if it is time to.
    pub(super) async fn look(&mut self, client: &Client, cursor: i64) -> Result<(), Error> {
        if self.asked_at.is_none_or(|asked_at| asked_at.elapsed() >= FRESH) {
            let withheld = match self.counted {
                Some((withheld, at)) if at.elapsed() < RECOUNT => withheld,
                _ => client.query_one(WITHHELD, &[]).await?.get(0),
            };
            self.counted = self.counted.filter(|(_, at)| at.elapsed() < RECOUNT).or(Some((withheld, Instant::now())));
            let row = client.query_one(PROGRESS, &[&cursor]).await?;
            let progress = Progress { cursor: row.get(0), last: row.get(1), oldest: row.get(2), withheld };
            self.asked_at = Some(Instant::now());
            self.state.send_modify(|state| state.progress = Some(progress));
        }
        Ok(())
    }

    /// The cursor has moved.
    pub(super) fn moved(&self, cursor: i64) {
        self.state.send_if_modified(|state| match &mut state.progress {
            Some(progress) if progress.cursor < cursor => {
                progress.cursor = cursor;
                if progress.last <= cursor {
                    (progress.last, progress.oldest) = (cursor, None);
                }
                true
            }
            _ => false,
        });
    }

    /// More messages are withheld.
    pub(super) fn withheld(&mut self, more: u64) {
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        self.counted = self.counted.map(|(withheld, at)| (withheld + more, at));
        self.state.send_if_modified(|state| {
            state.progress.iter_mut().for_each(|progress| progress.withheld += more);
            more > 0
        });
    }
}
