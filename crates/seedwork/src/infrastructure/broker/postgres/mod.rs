//! The broker over PostgreSQL: topics with partitions, numbered without a gap, in the schema `broker`.
//!
//! It lives on the same server as the contexts' logs, so publishing and moving the relay's cursor are one transaction.

mod publish;
mod read;
mod subscribe;

use super::{Broker, Extent, Positions, Record};
use crate::infrastructure::{postgres::Database, relay::Lease};
use tokio_postgres::{Client, Error};

/// The channel on which processes tell each other that there are new messages.
const CHANNEL: &str = "sta_broker";

/// Makes a topic, with all its partitions, unless it is there.
const CREATE: &str = "\
    WITH new AS (INSERT INTO broker.topics (topic, partitions) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1) \
    INSERT INTO broker.partitions (topic, partition) SELECT $1, n FROM generate_series(0, $2 - 1) n, new";

const EXTENTS: &str = "SELECT next FROM broker.partitions WHERE topic = $1 ORDER BY partition";

/// The broker in a PostgreSQL database.
#[derive(Clone)]
pub struct PgBroker {
    database: Database,
    partitions: i32,
}

impl PgBroker {
    /// The broker of the database, which makes topics of `partitions` partitions when they are first written or read.
    pub fn new(database: Database, partitions: i32) -> Self {
        Self { database, partitions }
    }
}

async fn extents(client: &Client, topic: &str) -> Result<Vec<Extent>, Error> {
    let rows = client.query(EXTENTS, &[&topic]).await?;
    Ok(rows.iter().map(|row| Extent { first: 0, next: row.get(0) }).collect())
}

impl Broker for PgBroker {
    type Publisher = publish::PgPublisher;
    type Subscriber = subscribe::PgSubscriber;
    type Reader = read::PgReader;

    const NAME: &'static str = "postgresql";

    async fn find(&self, topic: &str) -> anyhow::Result<Option<Vec<Extent>>> {
        let extents = extents(&self.database.client("").await?, topic).await?;
        Ok(Some(extents).filter(|extents| !extents.is_empty()))
    }

    async fn extents(&self, topic: &str) -> anyhow::Result<Vec<Extent>> {
        let client = self.database.client("").await?;
        client.execute(CREATE, &[&topic, &self.partitions]).await?;
        Ok(extents(&client, topic).await?)
    }

    async fn publisher(&self, lease: &Lease) -> anyhow::Result<publish::PgPublisher> {
        Ok(publish::PgPublisher::prepare(lease.client(), self.partitions).await?)
    }

    /// All or none are published.
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
        positions: Positions,
    ) -> anyhow::Result<subscribe::PgSubscriber> {
        subscribe::PgSubscriber::open(self, group, topics, positions).await
    }

    async fn read(&self, topic: &str, from: &[i64]) -> anyhow::Result<read::PgReader> {
        read::PgReader::open(&self.database, topic, from).await
    }
}
