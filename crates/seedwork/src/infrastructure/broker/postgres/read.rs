//! Reads partitions from given offsets on.

use super::CHANNEL;
use crate::infrastructure::{
    broker::{Delivery, Partition, Reader},
    postgres::{Database, Listener},
};
use std::{collections::BTreeMap, time::Duration};
use tokio_postgres::{Client, Row, Statement};

/// How many messages of a partition are read at once.
const BATCH: i64 = 500;
/// How long a reader waits for news at most, in case a notification was lost.
const POLL: Duration = Duration::from_millis(500);

/// What follows the offsets in all partitions at once; a partition is named by its place in the arrays.
const READ: &str = "\
    SELECT r.n, m.\"offset\", m.key, m.headers, m.value \
    FROM unnest($1::text[], $2::int4[], $3::int8[]) WITH ORDINALITY AS r (topic, partition, next, n) CROSS JOIN LATERAL \
    (SELECT * FROM broker.messages m WHERE m.topic = r.topic AND m.partition = r.partition AND m.\"offset\" >= r.next \
    ORDER BY m.\"offset\" LIMIT $4) m ORDER BY r.n, m.\"offset\"";

/// Reads partitions, and knows where it stands in each.
pub struct PgReader {
    client: Client,
    news: Listener,
    read: Statement,
    next: BTreeMap<Partition, i64>,
}

impl PgReader {
    /// Reads all partitions of a topic.
    pub(super) async fn open(database: &Database, topic: &str, from: &[i64]) -> anyhow::Result<Self> {
        let mut reader = Self::idle(database).await?;
        for (number, next) in (0..).zip(from) {
            reader.gain(Partition { topic: topic.into(), number }, *next);
        }
        Ok(reader)
    }

    /// Reads nothing yet.
    pub(super) async fn idle(database: &Database) -> anyhow::Result<Self> {
        let (client, news) = database.listen(CHANNEL).await?;
        let read = client.prepare(READ).await?;
        Ok(Self { client, news, read, next: BTreeMap::new() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads a partition from now on.
    pub(super) fn gain(&mut self, partition: Partition, next: i64) {
        self.next.insert(partition, next);
    }

    /// Does not read a partition any more.
    pub(super) fn lose(&mut self, partition: &Partition) {
        self.next.remove(partition);
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.next.keys()
    }

    async fn batch(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let topics: Vec<&str> = self.next.keys().map(|partition| &*partition.topic).collect();
        let numbers: Vec<i32> = self.next.keys().map(|partition| partition.number).collect();
        let next: Vec<i64> = self.next.values().copied().collect();
        let rows = self.client.query(&self.read, &[&topics, &numbers, &next, &BATCH]).await?;
        let partitions: Vec<Partition> = self.next.keys().cloned().collect();
        let mut deliveries = Vec::with_capacity(rows.len());
        for row in &rows {
            let n = usize::try_from(row.get::<_, i64>(0))?;
            let Some(partition) = partitions.get(n - 1) else { continue };
            deliveries.push(delivery(partition.clone(), row)?);
        }
        for delivery in &deliveries {
            if let Some(next) = self.next.get_mut(&delivery.partition) {
                *next = delivery.offset + 1;
            }
        }
        Ok(deliveries)
    }
}

impl Reader for PgReader {
    async fn next(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let mut deliveries = self.batch().await?;
        if deliveries.is_empty() && tokio::time::timeout(POLL, self.news.heard()).await.is_ok() {
            deliveries = self.batch().await?;
        }
        Ok(deliveries)
    }
}

fn delivery(partition: Partition, row: &Row) -> anyhow::Result<Delivery> {
    let headers: serde_json::Map<String, serde_json::Value> = serde_json::from_str(row.get(3))?;
    let bytes = |value: serde_json::Value| value.as_str().map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    Ok(Delivery {
        partition,
        offset: row.get(1),
        key: row.get(2),
        headers: headers.into_iter().map(|(name, value)| (name, bytes(value))).collect(),
        value: row.get(4),
    })
}
