//! The embedded broker of a test's database: publishes and reads messages in place of other contexts.

use super::TestDatabase;
use crate::{
    application::IntegrationEvent,
    domain::{Clock, SystemClock},
    infrastructure::{
        avro,
        broker::{Broker, Delivery, PgBroker, Record, TopicReader},
        schema_registry::{Decoders, Registry, Undecodable},
    },
};
use anyhow::anyhow;

/// The number of partitions of a topic.
const PARTITIONS: i32 = 4;

/// The broker and the schema registry of a test's database.
#[derive(Clone)]
pub struct TestBroker {
    broker: PgBroker,
    registry: Registry,
}

impl TestDatabase {
    /// Opens the broker in this database.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn broker(&self) -> anyhow::Result<TestBroker> {
        let place = self.context("broker")?;
        let registry = Registry::open(place.clone()).await?;
        Ok(TestBroker { broker: PgBroker::new(place, PARTITIONS), registry })
    }
}

impl TestBroker {
    pub(super) fn into_parts(self) -> (PgBroker, Registry) {
        (self.broker, self.registry)
    }

    /// Publishes a message as another context or a foreign producer does. The same id twice is the same message twice.
    ///
    /// # Errors
    ///
    /// The type and its schema differ, or the database does not answer.
    pub async fn publish<M: IntegrationEvent>(&self, id: &str, message: &M) -> anyhow::Result<()> {
        let (record, body) = avro::encode(message)?;
        let value = avro::to_wire_format(self.registry.id(M::TOPIC, record.fingerprint).await?, &body);
        let headers = [("ce_id", id), ("ce_source", "/test"), ("ce_type", M::TYPE)];
        let headers = headers.map(|(name, value)| (name.into(), value.to_owned())).to_vec();
        let (topic, key) = (M::TOPIC.to_owned(), message.key());
        self.broker.send(&[Record { topic, key, time: SystemClock.now(), headers, value }]).await
    }

    /// Returns all published messages of a type, duplicates included, in the order of each key.
    ///
    /// # Errors
    ///
    /// A message cannot be decoded, or the database does not answer.
    pub async fn published<M: IntegrationEvent>(&self) -> anyhow::Result<Vec<M>> {
        let watermarks = self.broker.ensure_topic(M::TOPIC).await?;
        let mut missing: i64 = watermarks.iter().map(|watermarks| watermarks.high - watermarks.low).sum();
        let first: Vec<i64> = watermarks.iter().map(|watermarks| watermarks.low).collect();
        let (mut reader, decoders) = (self.broker.read(M::TOPIC, &first).await?, Decoders::new(self.registry.clone()));
        let mut published = Vec::new();
        while missing > 0 {
            let deliveries = reader.next().await?;
            missing -= i64::try_from(deliveries.len())?;
            for delivery in deliveries.iter().filter(|delivery| is::<M>(delivery)) {
                let value = delivery.value.as_deref().unwrap_or_default();
                let decoder = decoders.of(value).await.map_err(|error| match error {
                    Undecodable::Unavailable(reason)
                    | Undecodable::UnknownSchema(reason)
                    | Undecodable::Invalid(reason) => {
                        anyhow!(reason)
                    }
                })?;
                published.push(avro::decode(&decoder.decode(M::TYPE, value)?)?);
            }
        }
        Ok(published)
    }
}

fn is<M: IntegrationEvent>(delivery: &Delivery) -> bool {
    delivery.headers.iter().any(|(name, value)| name == "ce_type" && value == M::TYPE.as_bytes())
}
