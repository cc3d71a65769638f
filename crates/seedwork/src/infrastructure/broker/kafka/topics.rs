//! Topics: made when they are missing, and held against what was seen of them before.

use super::client::{Connection, Telling};
use crate::infrastructure::{broker::Extent, postgres::Database};
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

/// The longest wait for an answer of the cluster: two round trips of five seconds.
const PATIENCE: Duration = Duration::from_secs(12);

/// The largest message that a topic takes by default, with something left for its headers.
const LIMIT: i64 = 1_000_000;

/// The pause before a cluster that did not answer is asked for limits again.
const SILENCE: Duration = Duration::from_secs(60);

/// Notes a topic's number of partitions at first use, and returns the noted one. The size limit is updated whenever it
/// is known.
const NOTE: &str = "\
    INSERT INTO kafka_topics AS known (topic, partitions, max_bytes) VALUES ($1, $2, coalesce($3::int8, $4)) \
    ON CONFLICT (topic) DO UPDATE SET max_bytes = coalesce($3::int8, known.max_bytes) RETURNING partitions";

const SMALLEST: &str = "SELECT min(max_bytes) FROM kafka_topics";

/// Knows the topics of a cluster.
#[derive(Clone)]
pub(super) struct Topics {
    connection: Connection,
    database: Database,
    /// The time at which the cluster last did not answer a request for limits.
    silent_at: Arc<Mutex<Option<Instant>>>,
}

impl Topics {
    pub(super) fn new(connection: Connection, database: Database) -> Self {
        Self { connection, database, silent_at: Arc::default() }
    }

    /// Sees to it that a topic is there, and is the one that was there before: another number of partitions would break
    /// the order of its keys. Answers that number.
    pub(super) async fn provide(&self, topic: &str) -> anyhow::Result<i32> {
        let is = match self.partitions(topic).await? {
            Some(partitions) => partitions,
            None => {
                self.create(topic).await.with_context(|| format!("cannot make the topic {topic}"))?;
                self.partitions(topic).await?.with_context(|| format!("the topic {topic} is not there yet"))?
            }
        };
        let limit = self.limit(topic).await;
        let client = self.database.client("").await?;
        let was: i32 = client.query_one(NOTE, &[&topic, &is, &limit, &LIMIT]).await?.get(0);
        ensure!(
            is == was,
            "the topic {topic} has {is} partitions and had {was}: the order of its keys is not what it was; when that is \
             meant, change the number in broker.kafka_topics"
        );
        Ok(is)
    }

    /// The most bytes that every topic takes at once, as last seen.
    pub(super) async fn smallest_limit(&self) -> anyhow::Result<i64> {
        let row = self.database.client("").await?.query_one(SMALLEST, &[]).await?;
        Ok(row.get::<_, Option<i64>>(0).unwrap_or(LIMIT))
    }

    /// The extent of each partition of a topic; none if the topic does not exist.
    pub(super) async fn find(&self, topic: &str) -> anyhow::Result<Option<Vec<Extent>>> {
        match self.partitions(topic).await? {
            Some(partitions) => self.watermarks(topic, partitions).await.map(Some),
            None => Ok(None),
        }
    }

    /// The extent of each partition of a topic. A topic that does not exist is created.
    pub(super) async fn extents(&self, topic: &str) -> anyhow::Result<Vec<Extent>> {
        let partitions = self.provide(topic).await?;
        self.watermarks(topic, partitions).await
    }

    async fn watermarks(&self, topic: &str, partitions: i32) -> anyhow::Result<Vec<Extent>> {
        let (connection, topic) = (self.connection.clone(), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || -> anyhow::Result<Vec<Extent>> {
            let client: BaseConsumer<_> = connection.client(&[], Telling)?;
            let extent = |number| {
                let (first, next) = client.fetch_watermarks(&topic, number, PATIENCE)?;
                Ok(Extent { first, next })
            };
            (0..partitions).map(extent).collect()
        });
        asked.await?
    }

    fn admin(&self) -> anyhow::Result<AdminClient<Telling>> {
        Ok(self.connection.client(&[], Telling)?)
    }

    async fn create(&self, topic: &str) -> anyhow::Result<()> {
        let settings = &self.connection.settings;
        let retention = settings.retention.as_millis().to_string();
        let min_insync = settings.min_insync().map(|copies| copies.to_string());
        // The brokers' clocks date the records: a client's may be wrong, and retention goes by them.
        let new = NewTopic::new(topic, settings.partitions, TopicReplication::Fixed(settings.replication))
            .set("message.timestamp.type", "LogAppendTime")
            .set("retention.ms", &retention);
        let new = min_insync.iter().fold(new, |new, copies| new.set("min.insync.replicas", copies));
        let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        for outcome in self.admin()?.create_topics([&new], &options).await? {
            match outcome {
                Ok(_) => tracing::info!(topic, partitions = settings.partitions, "a topic is made"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => bail!("{code}"),
            }
        }
        Ok(())
    }

    /// The largest message that a topic takes, in bytes; none if the cluster does not return it.
    async fn limit(&self, topic: &str) -> Option<i64> {
        let silent_at = || self.silent_at.lock().unwrap_or_else(PoisonError::into_inner);
        if silent_at().is_some_and(|at| at.elapsed() < SILENCE) {
            return None;
        }
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let asked = async {
            let described = self.admin()?.describe_configs([&ResourceSpecifier::Topic(topic)], &options).await?;
            let described = described.into_iter().next().context("nothing is answered")?;
            let described = described.map_err(|code| anyhow!("{code}"))?;
            let limit = described.get("max.message.bytes").and_then(|entry| entry.value.as_deref());
            Ok::<i64, anyhow::Error>(limit.context("it has none")?.parse()?)
        };
        match asked.await {
            Ok(limit) => Some(limit),
            Err(error) => {
                tracing::warn!(topic, error = format!("{error:#}"), "the cluster does not return a topic's size limit");
                *silent_at() = Some(Instant::now());
                None
            }
        }
    }

    /// How many partitions it has; none when it is not there.
    async fn partitions(&self, topic: &str) -> anyhow::Result<Option<i32>> {
        let (connection, topic) = (self.connection.clone(), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer<_> = connection.client(&[], Telling)?;
            let metadata = client.fetch_metadata(Some(&topic), PATIENCE)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic).context("nothing is answered")?;
            match found.error().map(RDKafkaErrorCode::from) {
                None => Ok(Some(i32::try_from(found.partitions().len())?)),
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(None),
                Some(code) => bail!("the topic {topic} cannot be had: {code}"),
            }
        });
        asked.await?
    }
}
