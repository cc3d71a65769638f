//! Types of messages without a subscription. Their offsets are stored, so that a later version can read them again.

use super::positions::names;
use crate::infrastructure::broker::Partition;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, watch};
use tokio_postgres::Client;

/// The most types that have rows of their own, over the life of the table. A foreign producer can invent any number of
/// types.
const TYPES: usize = 1_000;
/// The name under which all other types are stored.
const OTHERS: &str = "*";

/// Assigns the remaining numbers to types. If another process takes the same number first, the type gets one at a later
/// flush.
const NAME: &str = "\
    INSERT INTO unheard_types (n, type) \
    SELECT (SELECT count(*) FROM unheard_types) + row_number() OVER (), type FROM unnest($1::text[]) AS r (type) \
    WHERE NOT EXISTS (SELECT FROM unheard_types t WHERE t.type = r.type) \
    LIMIT (SELECT greatest(0, $2::int8 - count(*)) FROM unheard_types) ON CONFLICT DO NOTHING";

const NAMED: &str = "SELECT type FROM unheard_types";

const STORE: &str = "\
    INSERT INTO unheard (topic, partition, type, first, last, count) \
    SELECT * FROM unnest($1::text[], $2::int4[], $3::text[], $4::int8[], $5::int8[], $6::int8[]) \
    ON CONFLICT (topic, partition, type) DO UPDATE SET first = least(unheard.first, excluded.first), \
    last = greatest(unheard.last, excluded.last), count = unheard.count + excluded.count";

/// Collects unhandled messages. A message is settled when its offset and type are in the database.
pub(super) struct UnhandledTypes {
    pending: Mutex<Pending>,
    /// The types that have rows of their own in the table.
    named: Mutex<HashSet<String>>,
    more: Notify,
    /// The number of the last flush that is stored.
    stored: watch::Sender<u64>,
}

#[derive(Default)]
struct Pending {
    /// The number of flushes so far.
    flush: u64,
    ranges: HashMap<(Partition, String), Range>,
}

#[derive(Clone, Copy)]
struct Range {
    first: i64,
    last: i64,
    count: i64,
}

impl Range {
    fn join(self, other: Self) -> Self {
        let (first, last) = (self.first.min(other.first), self.last.max(other.last));
        Self { first, last, count: self.count + other.count }
    }
}

impl Pending {
    fn add(&mut self, partition: Partition, kind: String, range: Range) {
        self.ranges.entry((partition, kind)).and_modify(|known| *known = known.join(range)).or_insert(range);
    }
}

impl UnhandledTypes {
    pub(super) fn new() -> Self {
        Self { pending: Mutex::default(), named: Mutex::default(), more: Notify::new(), stored: watch::Sender::new(0) }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a message of a type. Returns when it is stored.
    pub(super) async fn record(&self, partition: &Partition, offset: i64, kind: &str) {
        let flush = {
            let mut pending = self.pending();
            pending.add(partition.clone(), kind.to_owned(), Range { first: offset, last: offset, count: 1 });
            pending.flush
        };
        self.more.notify_one();
        // The sender is a field of `self`, so it is not closed.
        let _ = self.stored.subscribe().wait_for(|stored| *stored > flush).await;
    }

    /// Waits until there is something to flush.
    pub(super) async fn more(&self) {
        self.more.notified().await;
    }

    /// Stores all collected messages. If that fails, they stay collected for the next flush.
    pub(super) async fn flush(&self, client: &Client) -> anyhow::Result<()> {
        let (flush, ranges) = {
            let mut pending = self.pending();
            pending.flush += 1;
            (pending.flush, std::mem::take(&mut pending.ranges))
        };
        if !ranges.is_empty()
            && let Err(error) = self.write(client, &ranges).await
        {
            let mut pending = self.pending();
            for ((partition, kind), range) in ranges {
                pending.add(partition, kind, range);
            }
            return Err(error.into());
        }
        self.stored.send_replace(flush);
        Ok(())
    }

    async fn write(
        &self,
        client: &Client,
        ranges: &HashMap<(Partition, String), Range>,
    ) -> Result<(), tokio_postgres::Error> {
        let (known, unknown) = {
            let named = self.named();
            let unknown: BTreeSet<&str> =
                ranges.keys().map(|(_, kind)| kind.as_str()).filter(|kind| !named.contains(*kind)).collect();
            (named.len(), unknown)
        };
        if known < TYPES && !unknown.is_empty() {
            let unknown: Vec<&str> = unknown.into_iter().collect();
            client.execute(NAME, &[&unknown, &i64::try_from(TYPES).unwrap_or(i64::MAX)]).await?;
            let named = client.query(NAMED, &[]).await?;
            self.named().extend(named.iter().map(|row| row.get(0)));
        }
        let mut by_row = Pending::default();
        for ((partition, kind), range) in ranges {
            let kind = if self.named().contains(kind) { kind } else { OTHERS };
            by_row.add(partition.clone(), kind.to_owned(), *range);
        }
        write(client, &by_row.ranges).await
    }

    fn named(&self) -> MutexGuard<'_, HashSet<String>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(client: &Client, ranges: &HashMap<(Partition, String), Range>) -> Result<(), tokio_postgres::Error> {
    let (topics, numbers) = names(ranges.keys().map(|(partition, _)| partition));
    let kinds: Vec<&str> = ranges.keys().map(|(_, kind)| kind.as_str()).collect();
    let of = |value: fn(&Range) -> i64| ranges.values().map(value).collect::<Vec<i64>>();
    let (first, last, count) = (of(|range| range.first), of(|range| range.last), of(|range| range.count));
    client.execute(STORE, &[&topics, &numbers, &kinds, &first, &last, &count]).await?;
    Ok(())
}

#[cfg(all(test, feature = "testing-postgres"))]
#[expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;
    use futures_util::future::join;

    /// Adds a message of each type, in one of three partitions.
    fn add(all: &UnhandledTypes, types: impl Iterator<Item = String>) {
        let mut pending = all.pending();
        for (n, kind) in (0..).zip(types) {
            let partition = Partition { topic: "t".into(), number: n % 3 };
            pending.add(partition, kind, Range { first: n.into(), last: n.into(), count: 1 });
        }
    }

    /// Returns the number of types, of rows for the others, and of messages.
    async fn stored(client: &Client) -> (i64, i64, i64) {
        let stored = "SELECT count(DISTINCT type), count(*) FILTER (WHERE type = '*'), sum(count)::int8 FROM unheard";
        let row = client.query_one(stored, &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_thousand_types_have_rows_of_their_own_across_processes() {
        let database = TestDatabase::engine().await;
        let client = database.context("engine").unwrap().client("").await.unwrap();
        let processes = [UnhandledTypes::new(), UnhandledTypes::new()];
        add(&processes[0], (0..300).map(|n| format!("a{n}")));
        processes[0].flush(&client).await.unwrap();
        assert_eq!(stored(&client).await, (300, 0, 300), "while there are few types");
        for round in 0..4 {
            let flush = async |process: &UnhandledTypes, name: &str| {
                let client = database.context("engine").unwrap().client("").await.unwrap();
                add(process, (0..300).map(|n| format!("{name}{round}-{n}")));
                process.flush(&client).await.unwrap();
            };
            join(flush(&processes[0], "b"), flush(&processes[1], "c")).await;
        }
        assert_eq!(stored(&client).await, (1_001, 3, 300 + 4 * 600));
        // After a restart, a type that was named still has rows of its own.
        let again = UnhandledTypes::new();
        add(&again, ["a7".to_owned(), "new".to_owned()].into_iter());
        again.flush(&client).await.unwrap();
        let seventh = client.query_one("SELECT sum(count)::int8 FROM unheard WHERE type = 'a7'", &[]).await.unwrap();
        assert_eq!((seventh.get::<_, i64>(0), stored(&client).await.0), (2, 1_001));
    }
}
