//! The broker over PostgreSQL: topics with partitions, whose offsets have no gap, in the schema `broker`.
//!
//! It is in the same database as the contexts' logs, so publishing and storing the relay's cursor are one transaction.

mod publish;
mod read;
mod subscribe;

use super::{Broker, PositionLookup, Record, RelayCursor, Watermarks};
use crate::infrastructure::postgres::Database;
use tokio_postgres::{Client, Error};

/// The channel on which processes notify each other of new messages.
const CHANNEL: &str = "sta_broker";

/// Creates a topic with its partitions, unless it exists.
const CREATE: &str = "\
    WITH new AS (INSERT INTO broker.topics (topic, partitions) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1) \
    INSERT INTO broker.partitions (topic, partition) SELECT $1, n FROM generate_series(0, $2 - 1) n, new";

const WATERMARKS: &str = "SELECT next FROM broker.partitions WHERE topic = $1 ORDER BY partition";

/// The broker in a PostgreSQL database.
#[derive(Clone)]
pub struct PgBroker {
    database: Database,
    partitions: i32,
}

impl PgBroker {
    /// Creates the broker of a database. Topics are created with `partitions` partitions, at their first use.
    pub fn new(database: Database, partitions: i32) -> Self {
        Self { database, partitions }
    }
}

async fn watermarks(client: &Client, topic: &str) -> Result<Vec<Watermarks>, Error> {
    let rows = client.query(WATERMARKS, &[&topic]).await?;
    Ok(rows.iter().map(|row| Watermarks { low: 0, high: row.get(0) }).collect())
}

impl Broker for PgBroker {
    type Publisher = publish::PgPublisher;
    type Subscriber = subscribe::PgSubscriber;
    type Reader = read::PgReader;

    const NAME: &'static str = "postgresql";

    async fn watermarks(&self, topic: &str) -> anyhow::Result<Option<Vec<Watermarks>>> {
        let watermarks = watermarks(&self.database.client("").await?, topic).await?;
        Ok(Some(watermarks).filter(|watermarks| !watermarks.is_empty()))
    }

    async fn ensure_topic(&self, topic: &str) -> anyhow::Result<Vec<Watermarks>> {
        let client = self.database.client("").await?;
        client.execute(CREATE, &[&topic, &self.partitions]).await?;
        Ok(watermarks(&client, topic).await?)
    }

    async fn publisher(&self, cursor: &impl RelayCursor) -> anyhow::Result<publish::PgPublisher> {
        Ok(publish::PgPublisher::prepare(cursor.client(), self.partitions).await?)
    }

    /// Publishes all records or none.
    async fn send(&self, records: &[Record]) -> anyhow::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let client = self.database.client("").await?;
        let publisher = publish::PgPublisher::prepare(&client, self.partitions).await?;
        Ok(publisher.send(&client, records).await?)
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
        positions: PositionLookup,
    ) -> anyhow::Result<subscribe::PgSubscriber> {
        subscribe::PgSubscriber::open(self, group, topics, positions).await
    }

    async fn read(&self, topic: &str, from: &[i64]) -> anyhow::Result<read::PgReader> {
        read::PgReader::open(&self.database, topic, from).await
    }
}
