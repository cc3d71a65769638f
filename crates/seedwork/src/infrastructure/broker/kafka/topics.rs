//! Topics: created if they do not exist, and compared with what is stored about them.

use super::client::{ClientFactory, LoggingContext};
use crate::infrastructure::{broker::Watermarks, postgres::Database};
use anyhow::{Context as _, anyhow, bail, ensure};
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The longest wait for a response of the cluster: two round trips of five seconds.
const TIMEOUT: Duration = Duration::from_secs(12);

/// The size limit of a topic that is not known: Kafka's default, less some room for headers, in bytes.
const DEFAULT_LIMIT: i64 = 1_000_000;

/// The pause after a cluster did not return a topic's limit.
const LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// Stores a topic's number of partitions at its first use, and returns the stored one. Updates the size limit if it is
/// known.
const STORE: &str = "\
    INSERT INTO kafka_topics AS known (topic, partitions, max_bytes) VALUES ($1, $2, coalesce($3::int8, $4)) \
    ON CONFLICT (topic) DO UPDATE SET max_bytes = coalesce($3::int8, known.max_bytes) RETURNING partitions";

const SMALLEST: &str = "SELECT min(max_bytes) FROM kafka_topics";

/// The topics of a cluster.
#[derive(Clone)]
pub(super) struct Topics {
    clients: ClientFactory,
    database: Database,
    /// The time at which the cluster last did not return a limit.
    limit_failed_at: Arc<Mutex<Option<Instant>>>,
}

impl Topics {
    pub(super) fn new(clients: ClientFactory, database: Database) -> Self {
        Self { clients, database, limit_failed_at: Arc::default() }
    }

    /// Creates a topic unless it exists. Returns its number of partitions.
    ///
    /// # Errors
    ///
    /// Among others, a number of partitions that has changed: keys would be in other partitions, out of order.
    pub(super) async fn ensure(&self, topic: &str) -> anyhow::Result<i32> {
        let is = match self.partitions(topic).await? {
            Some(partitions) => partitions,
            None => {
                self.create(topic).await.with_context(|| format!("the topic {topic} cannot be created"))?;
                self.partitions(topic).await?.with_context(|| format!("the topic {topic} does not exist yet"))?
            }
        };
        let limit = self.limit(topic).await;
        let client = self.database.client("").await?;
        let was: i32 = client.query_one(STORE, &[&topic, &is, &limit, &DEFAULT_LIMIT]).await?.get(0);
        ensure!(
            is == was,
            "the topic {topic} has {is} partitions and had {was}, so its keys are out of order; if the change is intended, \
             change the number in broker.kafka_topics"
        );
        Ok(is)
    }

    /// Returns the smallest size limit of all topics, as last seen, in bytes.
    pub(super) async fn smallest_limit(&self) -> anyhow::Result<i64> {
        let row = self.database.client("").await?.query_one(SMALLEST, &[]).await?;
        Ok(row.get::<_, Option<i64>>(0).unwrap_or(DEFAULT_LIMIT))
    }

    /// Returns the watermarks of each partition of a topic. None if the topic does not exist.
    pub(super) async fn watermarks(&self, topic: &str) -> anyhow::Result<Option<Vec<Watermarks>>> {
        match self.partitions(topic).await? {
            Some(partitions) => self.fetch_watermarks(topic, partitions).await.map(Some),
            None => Ok(None),
        }
    }

    /// Creates a topic unless it exists. Returns the watermarks of each partition.
    pub(super) async fn ensure_with_watermarks(&self, topic: &str) -> anyhow::Result<Vec<Watermarks>> {
        let partitions = self.ensure(topic).await?;
        self.fetch_watermarks(topic, partitions).await
    }

    async fn fetch_watermarks(&self, topic: &str, partitions: i32) -> anyhow::Result<Vec<Watermarks>> {
        let (clients, topic) = (self.clients.clone(), topic.to_owned());
        let response = tokio::task::spawn_blocking(move || -> anyhow::Result<Vec<Watermarks>> {
            let client: BaseConsumer<_> = clients.create(&[], LoggingContext)?;
            let watermarks = |number| {
                let (low, high) = client.fetch_watermarks(&topic, number, TIMEOUT)?;
                Ok(Watermarks { low, high })
            };
            (0..partitions).map(watermarks).collect()
        });
        response.await?
    }

    fn admin(&self) -> anyhow::Result<AdminClient<LoggingContext>> {
        Ok(self.clients.create(&[], LoggingContext)?)
    }

    async fn create(&self, topic: &str) -> anyhow::Result<()> {
        let settings = &self.clients.settings;
        let retention = settings.retention.as_millis().to_string();
        let min_insync = settings.min_insync().map(|replicas| replicas.to_string());
        // The brokers date the records: retention goes by their timestamps, and a client's clock may be wrong.
        let new = NewTopic::new(topic, settings.partitions, TopicReplication::Fixed(settings.replication))
            .set("message.timestamp.type", "LogAppendTime")
            .set("retention.ms", &retention);
        let new = min_insync.iter().fold(new, |new, replicas| new.set("min.insync.replicas", replicas));
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        for outcome in self.admin()?.create_topics([&new], &options).await? {
            match outcome {
                Ok(_) => tracing::info!(topic, partitions = settings.partitions, "a topic is created"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => bail!("{code}"),
            }
        }
        Ok(())
    }

    /// Returns the size of the largest message that a topic takes, in bytes. None if the cluster does not return it.
    async fn limit(&self, topic: &str) -> Option<i64> {
        let failed_at = || self.limit_failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if failed_at().is_some_and(|at| at.elapsed() < LIMIT_PAUSE) {
            return None;
        }
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
        let request = async {
            let described = self.admin()?.describe_configs([&ResourceSpecifier::Topic(topic)], &options).await?;
            let described = described.into_iter().next().context("the response is empty")?;
            let described = described.map_err(|code| anyhow!("{code}"))?;
            let limit = described.get("max.message.bytes").and_then(|entry| entry.value.as_deref());
            Ok::<i64, anyhow::Error>(limit.context("it has no max.message.bytes")?.parse()?)
        };
        match request.await {
            Ok(limit) => Some(limit),
            Err(error) => {
                tracing::warn!(topic, error = format!("{error:#}"), "the cluster does not return a topic's size limit");
                *failed_at() = Some(Instant::now());
                None
            }
        }
    }

    /// Returns the number of partitions of a topic. None if the topic does not exist.
    async fn partitions(&self, topic: &str) -> anyhow::Result<Option<i32>> {
        let (clients, topic) = (self.clients.clone(), topic.to_owned());
        let response = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer<_> = clients.create(&[], LoggingContext)?;
            let metadata = client.fetch_metadata(Some(&topic), TIMEOUT)?;
            let found =
                metadata.topics().iter().find(|found| found.name() == topic).context("the response is empty")?;
            match found.error().map(RDKafkaErrorCode::from) {
                None => Ok(Some(i32::try_from(found.partitions().len())?)),
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(None),
                Some(code) => bail!("the metadata of the topic {topic} cannot be read: {code}"),
            }
        });
        response.await?
    }
}
