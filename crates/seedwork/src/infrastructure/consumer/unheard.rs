//! Messages that nobody here has a use for: where they are is noted, so that they can be read again by a version that has.

use super::positions::names;
use crate::infrastructure::broker::Partition;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, watch};
use tokio_postgres::Client;

/// How many types are told apart at once; a stranger may make up as many as it likes.
const TYPES: usize = 1_000;
/// What the others are noted as.
const OTHERS: &str = "*";

const NOTE: &str = "\
    INSERT INTO unheard (topic, partition, type, first, last, count) \
    SELECT * FROM unnest($1::text[], $2::int4[], $3::text[], $4::int8[], $5::int8[], $6::int8[]) \
    ON CONFLICT (topic, partition, type) DO UPDATE SET first = least(unheard.first, excluded.first), \
    last = greatest(unheard.last, excluded.last), count = unheard.count + excluded.count";

/// Collects them; a message is settled when its note is in the database.
pub(super) struct Unheard {
    pending: Mutex<Pending>,
    more: Notify,
    noted: watch::Sender<u64>,
}

#[derive(Default)]
struct Pending {
    /// Counts the flushes.
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
        let kind = if self.ranges.len() < TYPES { kind } else { OTHERS.to_owned() };
        self.ranges.entry((partition, kind)).and_modify(|known| *known = known.join(range)).or_insert(range);
    }
}

impl Unheard {
    pub(super) fn new() -> Self {
        Self { pending: Mutex::default(), more: Notify::new(), noted: watch::Sender::new(0) }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a message of a type; returns when that is durable.
    pub(super) async fn note(&self, partition: &Partition, offset: i64, kind: &str) {
        let flush = {
            let mut pending = self.pending();
            pending.add(partition.clone(), kind.to_owned(), Range { first: offset, last: offset, count: 1 });
            pending.flush
        };
        self.more.notify_one();
        // The sender lives as long as this: it cannot be closed.
        let _ = self.noted.subscribe().wait_for(|noted| *noted > flush).await;
    }

    /// Waits until there is something to flush.
    pub(super) async fn more(&self) {
        self.more.notified().await;
    }

    /// Writes what was collected, all at once. What cannot be written is kept for the next time.
    pub(super) async fn flush(&self, client: &Client) -> anyhow::Result<()> {
        let (flush, ranges) = {
            let mut pending = self.pending();
            pending.flush += 1;
            (pending.flush, std::mem::take(&mut pending.ranges))
        };
        if !ranges.is_empty()
            && let Err(error) = write(client, &ranges).await
        {
            let mut pending = self.pending();
            for ((partition, kind), range) in ranges {
                pending.add(partition, kind, range);
            }
            return Err(error.into());
        }
        self.noted.send_replace(flush);
        Ok(())
    }
}

async fn write(client: &Client, ranges: &HashMap<(Partition, String), Range>) -> Result<(), tokio_postgres::Error> {
    let (topics, numbers) = names(ranges.keys().map(|(partition, _)| partition));
    let kinds: Vec<&str> = ranges.keys().map(|(_, kind)| kind.as_str()).collect();
    let of = |value: fn(&Range) -> i64| ranges.values().map(value).collect::<Vec<i64>>();
    let (first, last, count) = (of(|range| range.first), of(|range| range.last), of(|range| range.count));
    client.execute(NOTE, &[&topics, &numbers, &kinds, &first, &last, &count]).await?;
    Ok(())
}
