//! Reads topics from wherever one likes, without consuming anything.

use super::{CHANNEL, PgBroker, publish};
use crate::infrastructure::{broker::Delivery, postgres::Listener};
use std::time::Duration;
use tokio_postgres::{Client, Row, Statement};

/// How long a reader waits for news at most, in case a notification was lost.
pub(super) const POLL: Duration = Duration::from_millis(500);

const PARTITIONS: &str = "SELECT partition, next FROM broker.partitions WHERE topic = $1 ORDER BY partition";

pub(super) const READ: &str = "\
    SELECT \"offset\", key, headers, value FROM broker.messages \
    WHERE topic = $1 AND partition = $2 AND \"offset\" >= $3 ORDER BY \"offset\" LIMIT $4";

/// Where a reader stands in a partition, or where a partition ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset of the next message.
    pub offset: i64,
}

/// A topic that is being read.
pub struct Topic {
    name: String,
    client: Client,
    news: Listener,
    read: Statement,
}

impl PgBroker {
    /// Opens a topic for reading. One that is not there is made, as a producer would.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn topic(&self, name: &str) -> anyhow::Result<Topic> {
        let (client, news) = self.database.listen(CHANNEL).await?;
        client.execute(publish::CREATE, &[&name, &self.partitions]).await?;
        let read = client.prepare(READ).await?;
        Ok(Topic { name: name.to_owned(), client, news, read })
    }
}

impl Topic {
    /// Where each partition ends: the offset that its next message will have.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn ends(&self) -> anyhow::Result<Vec<Position>> {
        let rows = self.client.query(PARTITIONS, &[&self.name]).await?;
        Ok(rows.iter().map(|row| Position { partition: row.get(0), offset: row.get(1) }).collect())
    }

    /// Up to `limit` messages of a partition, from a position on.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn read(&self, from: Position, limit: i64) -> anyhow::Result<Vec<Delivery>> {
        let rows = self.client.query(&self.read, &[&self.name, &from.partition, &from.offset, &limit]).await?;
        rows.iter().map(|row| delivery(&self.name, from.partition, row)).collect()
    }

    /// Waits until there may be new messages.
    pub async fn news(&mut self) {
        let _ = tokio::time::timeout(POLL, self.news.heard()).await;
    }
}

/// A message as [`READ`] answers it.
pub(super) fn delivery(topic: &str, partition: i32, row: &Row) -> anyhow::Result<Delivery> {
    let headers: serde_json::Map<String, serde_json::Value> = serde_json::from_str(row.get(2))?;
    let text = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap_or_default();
    Ok(Delivery {
        topic: topic.to_owned(),
        partition,
        offset: row.get(0),
        key: row.get(1),
        headers: headers.into_iter().map(|(name, value)| (name, text(value))).collect(),
        value: row.get(3),
    })
}
