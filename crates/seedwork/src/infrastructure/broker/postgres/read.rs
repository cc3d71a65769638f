//! Reads partitions, each from an offset on.

use super::CHANNEL;
use crate::infrastructure::{
    broker::{Delivery, Partition, TopicReader},
    postgres::{Database, Listener},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio_postgres::{Client, Row, Statement};

/// The most messages of a partition that are read at once.
const BATCH: i64 = 500;
/// The most bytes that are read of all partitions at once. The first message of each is read whatever its size.
const BYTES: i64 = 4 * 1024 * 1024;
/// The header that holds the stored text of headers that cannot be read.
const RAW: &str = "headers";
/// The longest wait for a notification, because one may be lost.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Reads the messages after the given offsets, of all partitions at once. A partition is identified by its index in the
/// arrays. Sizes are known without reading the values.
const READ: &str = "\
    SELECT r.n, m.\"offset\", m.key, m.headers, m.value \
    FROM unnest($1::text[], $2::int4[], $3::int8[]) WITH ORDINALITY AS r (topic, partition, next, n) CROSS JOIN LATERAL \
    (SELECT m.*, size, sum(size) OVER (ORDER BY m.\"offset\" ROWS UNBOUNDED PRECEDING) AS bytes FROM broker.messages m \
    CROSS JOIN LATERAL (SELECT octet_length(m.headers) + coalesce(octet_length(m.value), 0) AS size) s \
    WHERE m.topic = r.topic AND m.partition = r.partition AND m.\"offset\" >= r.next ORDER BY m.\"offset\" LIMIT $4) m \
    WHERE m.bytes <= $5 OR m.bytes = m.size ORDER BY r.n, m.\"offset\"";

/// Reads partitions, and keeps the next offset of each.
pub struct PgReader {
    client: Client,
    notifications: Listener,
    read: Statement,
    next: BTreeMap<Partition, i64>,
    paused: BTreeSet<Partition>,
}

impl PgReader {
    /// Opens a reader of all partitions of a topic.
    pub(super) async fn open(database: &Database, topic: &str, from: &[i64]) -> anyhow::Result<Self> {
        let mut reader = Self::unassigned(database).await?;
        for (number, next) in (0..).zip(from) {
            reader.assign(Partition { topic: topic.into(), number }, *next);
        }
        Ok(reader)
    }

    /// Opens a reader without partitions.
    pub(super) async fn unassigned(database: &Database) -> anyhow::Result<Self> {
        let (client, notifications) = database.listen(CHANNEL).await?;
        let read = client.prepare(READ).await?;
        Ok(Self { client, notifications, read, next: BTreeMap::new(), paused: BTreeSet::new() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn assign(&mut self, partition: Partition, next: i64) {
        self.next.insert(partition, next);
    }

    pub(super) fn revoke(&mut self, partition: &Partition) {
        self.next.remove(partition);
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.next.keys()
    }

    pub(super) fn set_paused(&mut self, paused: &BTreeSet<Partition>) {
        self.paused.clone_from(paused);
    }

    async fn batch(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let read = || self.next.iter().filter(|(partition, _)| !self.paused.contains(partition));
        let partitions: Vec<Partition> = read().map(|(partition, _)| partition.clone()).collect();
        let topics: Vec<&str> = partitions.iter().map(|partition| &*partition.topic).collect();
        let numbers: Vec<i32> = partitions.iter().map(|partition| partition.number).collect();
        let next: Vec<i64> = read().map(|(_, next)| *next).collect();
        let bytes = BYTES / i64::try_from(partitions.len().max(1))?;
        let rows = self.client.query(&self.read, &[&topics, &numbers, &next, &BATCH, &bytes]).await?;
        let mut deliveries = Vec::with_capacity(rows.len());
        for row in &rows {
            let n = usize::try_from(row.get::<_, i64>(0))?;
            let Some(partition) = partitions.get(n - 1) else { continue };
            deliveries.push(delivery(partition.clone(), row));
        }
        for delivery in &deliveries {
            if let Some(next) = self.next.get_mut(&delivery.partition) {
                *next = delivery.offset + 1;
            }
        }
        Ok(deliveries)
    }
}

impl TopicReader for PgReader {
    async fn next(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let mut deliveries = self.batch().await?;
        if deliveries.is_empty() && tokio::time::timeout(POLL_INTERVAL, self.notifications.notified()).await.is_ok() {
            deliveries = self.batch().await?;
        }
        Ok(deliveries)
    }
}

fn delivery(partition: Partition, row: &Row) -> Delivery {
    let text: &str = row.get(3);
    let parsed: serde_json::Result<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text);
    let bytes = |value: serde_json::Value| value.as_str().map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    let (headers, defect) = match parsed {
        Ok(headers) => (headers.into_iter().map(|(name, value)| (name, bytes(value))).collect(), None),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            (vec![(RAW.to_owned(), text.as_bytes().to_vec())], Some(format!("its headers are no JSON object: {place}")))
        }
    };
    Delivery { partition, offset: row.get(1), key: row.get(2), headers, value: row.get(4), defect }
}
