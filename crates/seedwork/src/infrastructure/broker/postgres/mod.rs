//! The broker over PostgreSQL: topics with partitions, numbered without a gap, in the schema `broker`.
//!
//! It lives on the same server as the contexts' logs, so publishing and moving the relay's cursor are one transaction.

mod publish;
mod read;
mod subscribe;

pub use read::{Position, Topic};

use super::{Broker, Record};
use crate::infrastructure::{postgres::Database, relay::Lease};

/// The channel on which processes tell each other that there are new messages.
const CHANNEL: &str = "sta_broker";

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

impl PgBroker {
    /// Publishes records by hand, in order and all or none.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn send(&self, records: &[Record]) -> anyhow::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let (client, _) = self.database.listen(CHANNEL).await?;
        let publisher = publish::PgPublisher::prepare(&client, self.partitions).await?;
        Ok(publisher.send(&client, records).await?)
    }
}

impl Broker for PgBroker {
    type Publisher = publish::PgPublisher;
    type Subscriber = subscribe::PgSubscriber;

    async fn subscribe(&self, group: &str, topics: &[&'static str]) -> anyhow::Result<subscribe::PgSubscriber> {
        subscribe::PgSubscriber::open(&self.database, group, topics, self.partitions).await
    }

    async fn publisher(&self, lease: &Lease) -> anyhow::Result<publish::PgPublisher> {
        Ok(publish::PgPublisher::prepare(lease.client(), self.partitions).await?)
    }
}
