//! Publishes a batch and stores the relay's cursor, in one transaction.

use crate::infrastructure::broker::{PublishError, Publisher, Record, RelayCursor, murmur2};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use tokio_postgres::{Client, Error, Statement};

/// Locks the partitions of topics, in an order that cannot deadlock, and returns their next offsets.
const NEXT: &str = "\
    SELECT topic, partition, next FROM broker.partitions WHERE topic = ANY($1) ORDER BY topic, partition FOR UPDATE";

const INSERT: &str = "\
    INSERT INTO broker.messages (topic, partition, \"offset\", time, key, headers, value) \
    SELECT * FROM unnest($1::text[], $2::int4[], $3::int8[], $4::timestamptz[], $5::bytea[], $6::text[], $7::bytea[])";

const ADVANCE: &str = "\
    UPDATE broker.partitions p SET next = r.next FROM unnest($1::text[], $2::int4[], $3::int8[]) AS r (topic, partition, next) \
    WHERE p.topic = r.topic AND p.partition = r.partition";

/// Publishes for one relay, on the connection of its cursor.
pub struct PgPublisher {
    next: Statement,
    insert: Statement,
    advance: Statement,
    create: Statement,
    partitions: i32,
}

impl PgPublisher {
    pub(super) async fn prepare(client: &Client, partitions: i32) -> Result<Self, Error> {
        Ok(Self {
            next: client.prepare(NEXT).await?,
            insert: client.prepare(INSERT).await?,
            advance: client.prepare(ADVANCE).await?,
            create: client.prepare(super::CREATE).await?,
            partitions,
        })
    }

    /// Locks every partition of the topics and returns its next offset. Creates topics that do not exist.
    async fn lock(&self, client: &Client, topics: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<i64>>, Error> {
        let names: Vec<&str> = topics.iter().copied().collect();
        loop {
            let mut next = BTreeMap::<String, Vec<i64>>::new();
            for row in client.query(&self.next, &[&names]).await? {
                next.entry(row.get(0)).or_default().push(row.get(2));
            }
            if next.len() == topics.len() {
                return Ok(next);
            }
            for topic in topics.iter().filter(|topic| !next.contains_key(**topic)) {
                client.execute(&self.create, &[topic, &self.partitions]).await?;
            }
        }
    }

    /// Publishes without a relay.
    pub(super) async fn send(&self, client: &Client, records: &[Record]) -> Result<(), Error> {
        client.batch_execute("BEGIN").await?;
        self.write(client, &records.iter().collect::<Vec<_>>()).await?;
        client.batch_execute(&commit()).await
    }

    async fn write(&self, client: &Client, records: &[&Record]) -> Result<(), Error> {
        let topics = records.iter().map(|record| record.topic.as_str()).collect();
        let mut next = self.lock(client, &topics).await?;
        let mut places = Vec::with_capacity(records.len());
        for record in records {
            let Some(partitions) = next.get_mut(&record.topic) else { continue };
            let count = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
            let partition = murmur2::partition(record.key.as_bytes(), count);
            if let Some(next) = usize::try_from(partition).ok().and_then(|n| partitions.get_mut(n)) {
                places.push((partition, *next));
                *next += 1;
            }
        }
        let names: Vec<&str> = records.iter().map(|record| record.topic.as_str()).collect();
        let (partitions, offsets): (Vec<i32>, Vec<i64>) = places.into_iter().unzip();
        let times: Vec<_> = records.iter().map(|record| record.time).collect();
        let keys: Vec<&[u8]> = records.iter().map(|record| record.key.as_bytes()).collect();
        let headers: Vec<String> = records.iter().map(|record| headers(&record.headers)).collect();
        let values: Vec<&[u8]> = records.iter().map(|record| record.value.as_slice()).collect();
        client.execute(&self.insert, &[&names, &partitions, &offsets, &times, &keys, &headers, &values]).await?;
        let (mut topics, mut numbers, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for (topic, partitions) in &next {
            for (partition, next) in (0_i32..).zip(partitions) {
                topics.push(topic.as_str());
                numbers.push(partition);
                offsets.push(*next);
            }
        }
        client.execute(&self.advance, &[&topics, &numbers, &offsets]).await?;
        Ok(())
    }
}

/// Returns headers as a JSON object of strings.
fn headers(headers: &[(Cow<'static, str>, String)]) -> String {
    let object: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| (name.to_string(), value.clone().into())).collect();
    serde_json::Value::Object(object).to_string()
}

impl Publisher for PgPublisher {
    /// Takes all records. On return all are published.
    async fn publish(
        &mut self,
        records: &[(i64, Record)],
        to: i64,
        cursor: &mut impl RelayCursor,
    ) -> Result<usize, PublishError> {
        let failed = |error: Error| PublishError::Failed(error.to_string());
        let all: Vec<&Record> = records.iter().map(|(_, record)| record).collect();
        cursor.client().batch_execute("BEGIN").await.map_err(failed)?;
        // First, because it is the fence: a relay that has lost its lease waits for no lock and writes nothing.
        cursor.store(to).await?;
        self.write(cursor.client(), &all).await.map_err(failed)?;
        cursor.client().batch_execute(&commit()).await.map_err(failed)?;
        cursor.advance(to);
        Ok(all.len())
    }

    async fn flush(&mut self, _: &mut impl RelayCursor) -> Result<bool, PublishError> {
        Ok(true)
    }

    async fn purge(&mut self, _: &mut impl RelayCursor) {}
}

/// Returns the statements that commit and notify. The NOTIFY is a transaction of its own, because inside another one it
/// makes all transactions that notify commit one by one.
fn commit() -> String {
    format!("COMMIT; NOTIFY {}", super::CHANNEL)
}
