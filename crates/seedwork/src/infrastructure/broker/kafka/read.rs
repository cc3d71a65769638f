//! Reads a topic without being a member of a group.

use super::client::{ClientFactory, LoggingContext};
use crate::infrastructure::broker::{Delivery, Partition, TopicReader};
use futures_util::FutureExt;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, ConsumerContext, StreamConsumer},
    message::Headers,
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The longest wait for messages.
const POLL: Duration = Duration::from_millis(500);
/// The most messages that are read at once.
const BATCH: usize = 500;

/// A client needs a group id to be a consumer. It neither joins the group nor commits offsets.
const SETTINGS: [(&str, &str); 4] = [
    ("group.id", "sta-reader"),
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "error"),
    ("fetch.wait.max.ms", "100"),
];

impl ConsumerContext for LoggingContext {}

/// Reads a topic.
pub struct KafkaReader {
    consumer: StreamConsumer<LoggingContext>,
    topic: Arc<str>,
}

impl KafkaReader {
    pub(super) fn open(clients: &ClientFactory, topic: &str, from: &[i64]) -> anyhow::Result<Self> {
        let consumer: StreamConsumer<_> = clients.create(&SETTINGS, LoggingContext)?;
        let mut partitions = TopicPartitionList::with_capacity(from.len());
        for (number, offset) in (0..).zip(from) {
            partitions.add_partition_offset(topic, number, Offset::Offset(*offset))?;
        }
        consumer.assign(&partitions)?;
        Ok(Self { consumer, topic: topic.into() })
    }
}

impl TopicReader for KafkaReader {
    async fn next(&mut self) -> anyhow::Result<Vec<Delivery>> {
        let Ok(first) = timeout(POLL, self.consumer.recv()).await else { return Ok(Vec::new()) };
        let mut deliveries = vec![delivery(&self.topic, &first?)];
        while deliveries.len() < BATCH
            && let Some(next) = self.consumer.recv().now_or_never()
        {
            deliveries.push(delivery(&self.topic, &next?));
        }
        Ok(deliveries)
    }
}

/// Copies a message out of the client's memory.
pub(super) fn delivery(topic: &Arc<str>, message: &impl Message) -> Delivery {
    let header = |header: rdkafka::message::Header<'_, &[u8]>| {
        (header.key.to_owned(), header.value.map(<[u8]>::to_vec).unwrap_or_default())
    };
    Delivery {
        partition: Partition { topic: Arc::clone(topic), number: message.partition() },
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        headers: message.headers().map(|headers| headers.iter().map(header).collect()).unwrap_or_default(),
        value: message.payload().map(<[u8]>::to_vec),
        defect: None,
    }
}
