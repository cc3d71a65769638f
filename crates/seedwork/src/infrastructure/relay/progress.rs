//! The progress of a relay as the database has it, for every process of a context, whichever leads.

use crate::domain::Timestamp;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use tokio_postgres::{Client, Error};

/// The interval between two reads of the progress.
const FRESH: Duration = Duration::from_secs(1);
/// The interval between two counts of withheld messages: a count scans their table.
const RECOUNT: Duration = Duration::from_secs(10);

/// Reads the progress. Only partitions of the log beyond the cursor are opened.
const PROGRESS: &str = "\
    SELECT cursor, coalesce((SELECT max(seq) FROM outbox WHERE seq > cursor), cursor), \
    (SELECT time FROM outbox WHERE seq > cursor ORDER BY seq LIMIT 1) \
    FROM (SELECT greatest(seq, $1::int8) AS cursor FROM relay) relay";

const WITHHELD: &str = "SELECT count(*) FROM withheld";

/// The state of a context's relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayState {
    /// True if this process is the one that relays.
    pub leads: bool,
    /// The progress of whichever process relays; none while it is not known.
    pub progress: Option<Progress>,
}

/// The progress of the relay of a context's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last message in the log.
    pub last: i64,
    /// The number of the last message that was relayed.
    pub cursor: i64,
    /// The time of the oldest message that waits; none when nothing waits.
    pub oldest: Option<Timestamp>,
    /// The number of messages that are withheld, because the broker refuses them or one before them.
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

    /// Notes that the database does not answer.
    pub(super) fn lost(&mut self) {
        self.state.send_modify(|state| state.progress = None);
        (self.asked_at, self.counted) = (None, None);
    }

    /// Reads the progress, unless the last read is newer than [`FRESH`].
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

    /// Notes that the cursor has moved.
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

    /// Notes that more messages are withheld.
    pub(super) fn withheld(&mut self, more: u64) {
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        self.counted = self.counted.map(|(withheld, at)| (withheld + more, at));
        self.state.send_if_modified(|state| {
            state.progress.iter_mut().for_each(|progress| progress.withheld += more);
            more > 0
        });
    }
}

#[cfg(all(test, feature = "testing-postgres"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[tokio::test(flavor = "multi_thread")]
    async fn withheld_messages_are_not_counted_anew_with_every_look() {
        let test = TestDatabase::pruebas().await;
        let client = test.context("pruebas").unwrap().client("").await.unwrap();
        let (state, seen) = watch::channel(RelayState::default());
        let mut observer = Observer::new(state);
        let withheld = || seen.borrow().progress.map(|progress| progress.withheld);
        observer.look(&client, 0).await.unwrap();
        assert_eq!(withheld(), Some(0));
        client.batch_execute("INSERT INTO withheld (seq, topic, key, reason) VALUES (1, 't', 'k', 'r')").await.unwrap();
        observer.asked_at = None;
        observer.look(&client, 0).await.unwrap();
        assert_eq!(withheld(), Some(0), "the count is of a moment ago");
        observer.counted = Some((0, Instant::now() - RECOUNT));
        observer.asked_at = None;
        observer.look(&client, 0).await.unwrap();
        assert_eq!(withheld(), Some(1));
    }
}
