//! The broker over Apache Kafka.

mod assignment;
mod client;
mod in_flight;
mod publish;
mod read;
mod subscribe;
mod topics;

pub use client::{KafkaSettings, Password, SecurityProtocol};

use super::{Broker, PositionLookup, Record, RelayCursor, Watermarks};
use crate::infrastructure::postgres::Database;
use client::ClientFactory;
use publish::SendLimits;
use std::sync::{Arc, Mutex};
use topics::Topics;

/// A Kafka cluster as the broker.
#[derive(Clone)]
pub struct KafkaBroker {
    clients: ClientFactory,
    topics: Topics,
    limits: Arc<Mutex<SendLimits>>,
}

impl KafkaBroker {
    /// Creates the broker of a cluster. It connects at the first use. Properties of topics are stored in `database`, in
    /// the schema `broker`.
    pub fn new(settings: KafkaSettings, database: Database) -> Self {
        let clients = ClientFactory::new(settings);
        Self { topics: Topics::new(clients.clone(), database), clients, limits: Arc::default() }
    }
}

impl Broker for KafkaBroker {
    type Publisher = publish::KafkaPublisher;
    type Subscriber = subscribe::KafkaSubscriber;
    type Reader = read::KafkaReader;

    const NAME: &'static str = "kafka";

    async fn watermarks(&self, topic: &str) -> anyhow::Result<Option<Vec<Watermarks>>> {
        self.topics.watermarks(topic).await
    }

    async fn ensure_topic(&self, topic: &str) -> anyhow::Result<Vec<Watermarks>> {
        self.topics.ensure_with_watermarks(topic).await
    }

    async fn publisher(&self, _: &impl RelayCursor) -> anyhow::Result<publish::KafkaPublisher> {
        publish::KafkaPublisher::open(&self.clients, &self.topics, &self.limits).await
    }

    async fn send(&self, records: &[Record]) -> anyhow::Result<()> {
        Ok(publish::KafkaPublisher::open(&self.clients, &self.topics, &self.limits).await?.send(records).await?)
    }

    async fn subscribe(
        &self,
        group: &str,
        topics: &[&'static str],
        positions: PositionLookup,
    ) -> anyhow::Result<subscribe::KafkaSubscriber> {
        for topic in topics {
            self.topics.ensure(topic).await?;
        }
        subscribe::KafkaSubscriber::open(&self.clients, group, topics, positions)
    }

    async fn read(&self, topic: &str, from: &[i64]) -> anyhow::Result<read::KafkaReader> {
        read::KafkaReader::open(&self.clients, topic, from)
    }
}
