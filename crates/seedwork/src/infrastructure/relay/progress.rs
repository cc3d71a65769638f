//! The progress of a context's relay, read from the database by every process, whichever leads.

use crate::domain::Timestamp;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use tokio_postgres::{Client, Error};

/// The interval between two reads of the progress.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// The interval between two counts of withheld messages: a count scans their table.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// Reads the progress. Only partitions of the log beyond the cursor are opened.
const PROGRESS: &str = "\
    SELECT cursor, coalesce((SELECT max(seq) FROM outbox WHERE seq > cursor), cursor), \
    (SELECT time FROM outbox WHERE seq > cursor ORDER BY seq LIMIT 1) \
    FROM (SELECT greatest(seq, $1::int8) AS cursor FROM relay) relay";

const WITHHELD: &str = "SELECT count(*) FROM withheld";

/// The state of a context's relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RelayState {
    /// True if this process relays.
    pub is_leader: bool,
    /// The progress of the process that relays. None while it is not known.
    pub progress: Option<RelayProgress>,
}

/// The progress of the relay of a context's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayProgress {
    /// The number of the last message in the log.
    pub last: i64,
    /// The number up to which all messages are acknowledged or withheld.
    pub cursor: i64,
    /// The time of the oldest message after the cursor. None if there is no such message.
    pub oldest: Option<Timestamp>,
    /// The number of withheld messages.
    pub withheld: i64,
}

/// Keeps the state of a relay up to date.
pub(super) struct Observer {
    state: watch::Sender<RelayState>,
    refreshed_at: Option<Instant>,
    /// The number of withheld messages, and the time of the count.
    counted: Option<(i64, Instant)>,
}

impl Observer {
    pub(super) fn new(state: watch::Sender<RelayState>) -> Self {
        Self { state, refreshed_at: None, counted: None }
    }

    pub(super) fn set_leader(&self, is_leader: bool) {
        self.state.send_if_modified(|state| std::mem::replace(&mut state.is_leader, is_leader) != is_leader);
    }

    /// Clears the progress, because the database does not answer.
    pub(super) fn set_unknown(&mut self) {
        self.state.send_modify(|state| state.progress = None);
        (self.refreshed_at, self.counted) = (None, None);
    }

    /// Reads the progress, at most once in [`REFRESH_INTERVAL`].
    pub(super) async fn refresh(&mut self, client: &Client, cursor: i64) -> Result<(), Error> {
        if self.refreshed_at.is_none_or(|refreshed_at| refreshed_at.elapsed() >= REFRESH_INTERVAL) {
            let withheld = match self.counted {
                Some((withheld, at)) if at.elapsed() < COUNT_INTERVAL => withheld,
                _ => client.query_one(WITHHELD, &[]).await?.get(0),
            };
            self.counted =
                self.counted.filter(|(_, at)| at.elapsed() < COUNT_INTERVAL).or(Some((withheld, Instant::now())));
            let row = client.query_one(PROGRESS, &[&cursor]).await?;
            let progress = RelayProgress { cursor: row.get(0), last: row.get(1), oldest: row.get(2), withheld };
            self.refreshed_at = Some(Instant::now());
            self.state.send_modify(|state| state.progress = Some(progress));
        }
        Ok(())
    }

    pub(super) fn cursor_moved(&self, cursor: i64) {
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

    pub(super) fn add_withheld(&mut self, more: u64) {
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
    async fn withheld_messages_are_not_counted_with_every_refresh() {
        let test = TestDatabase::engine().await;
        let client = test.context("engine").unwrap().client("").await.unwrap();
        let (state, receiver) = watch::channel(RelayState::default());
        let mut observer = Observer::new(state);
        let withheld = || receiver.borrow().progress.map(|progress| progress.withheld);
        observer.refresh(&client, 0).await.unwrap();
        assert_eq!(withheld(), Some(0));
        client.batch_execute("INSERT INTO withheld (seq, topic, key, reason) VALUES (1, 't', 'k', 'r')").await.unwrap();
        observer.refreshed_at = None;
        observer.refresh(&client, 0).await.unwrap();
        assert_eq!(withheld(), Some(0), "the count is not repeated yet");
        observer.counted = Some((0, Instant::now() - COUNT_INTERVAL));
        observer.refreshed_at = None;
        observer.refresh(&client, 0).await.unwrap();
        assert_eq!(withheld(), Some(1));
    }
}
