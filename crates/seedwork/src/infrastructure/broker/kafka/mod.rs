//! The broker over Apache Kafka.

mod assignment;
mod client;
mod flight;
mod publish;
mod read;
mod subscribe;
mod topics;

pub use client::{KafkaSettings, Password, SecurityProtocol};

use super::{Broker, Extent, Positions, Record};
use crate::infrastructure::{postgres::Database, relay::Lease};
use client::Connection;
use publish::Pace;
use std::sync::{Arc, Mutex};
use topics::Topics;

/// Kafka, as its settings say.
#[derive(Clone)]
pub struct KafkaBroker {
    connection: Connection,
    topics: Topics,
    pace: Arc<Mutex<Pace>>,
}

impl KafkaBroker {
    /// The cluster that the settings name. Nothing is connected before it is used. What was seen of topics is noted in
    /// `database`, the broker's place in the contexts' database.
    pub fn new(settings: KafkaSettings, database: Database) -> Self {
        let connection = Connection::new(settings);
        Self { topics: Topics::new(connection.clone(), database), connection, pace: Arc::default() }
    }
}

impl Broker for KafkaBroker {
    type Publisher = publish::KafkaPublisher;
    type Subscriber = subscribe::KafkaSubscriber;
    type Reader = read::KafkaReader;

    const NAME: &'static str = "kafka";

    async fn find(&self, topic: &str) -> anyhow::Result<Option<Vec<Extent>>> {
        self.topics.find(topic).await
    }

    async fn extents(&self, topic: &str) -> anyhow::Result<Vec<Extent>> {
        self.topics.extents(topic).await
    }

    async fn publisher(&self, _: &Lease) -> anyhow::Result<publish::KafkaPublisher> {
        publish::KafkaPublisher::open(&self.connection, &self.topics, &self.pace).await
    }

    async fn send(&self, records: &[Record]) -> anyhow::Result<()> {
        Ok(publish::KafkaPublisher::open(&self.connection, &self.topics, &self.pace).await?.send(records).await?)
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
        positions: Positions,
    ) -> anyhow::Result<subscribe::KafkaSubscriber> {
        for topic in topics {
            self.topics.provide(topic).await?;
        }
        subscribe::KafkaSubscriber::open(&self.connection, group, topics, positions)
    }

    async fn read(&self, topic: &str, from: &[i64]) -> anyhow::Result<read::KafkaReader> {
        read::KafkaReader::open(&self.connection, topic, from)
    }
}
