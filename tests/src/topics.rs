//! Kafka's topics in the hands of an operator or a careless producer.

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    producer::{BaseProducer, BaseRecord, Producer},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The time that Kafka may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The topics of a Kafka.
pub struct Topics {
    config: ClientConfig,
    admin: AdminClient<DefaultClientContext>,
}

impl Topics {
    /// The topics of the Kafka at an address.
    ///
    /// # Panics
    ///
    /// No client can be made.
    pub fn of(brokers: &str) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers);
        Self { admin: config.create().expect("a client"), config }
    }

    /// Creates a topic with settings of its own.
    ///
    /// # Panics
    ///
    /// Kafka refuses.
    pub async fn make(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        for made in self.admin.create_topics([&new], &Self::options()).await.expect("Kafka answers") {
            made.expect("the topic is made");
        }
    }

    /// Gives a topic more partitions.
    ///
    /// # Panics
    ///
    /// Kafka refuses.
    pub async fn grow(&self, topic: &str, partitions: usize) {
        let new = NewPartitions::new(topic, partitions);
        for made in self.admin.create_partitions([&new], &Self::options()).await.expect("Kafka answers") {
            made.expect("the partitions are made");
        }
    }

    /// Deletes topics.
    ///
    /// # Panics
    ///
    /// Kafka does not answer.
    pub async fn delete(&self, topics: &[&str]) {
        self.admin.delete_topics(topics, &Self::options()).await.expect("Kafka answers");
    }

    /// The names of all topics except Kafka's own.
    ///
    /// # Panics
    ///
    /// Kafka does not answer.
    pub async fn names(&self) -> Vec<String> {
        let config = self.config.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let client: BaseProducer = config.create().expect("a client");
            let metadata = client.client().fetch_metadata(None, PATIENCE).expect("Kafka answers");
            metadata.topics().iter().map(|topic| topic.name().to_owned()).collect::<Vec<_>>()
        });
        let names = asked.await.expect("it is asked").into_iter();
        names.filter(|name| !name.starts_with("__")).collect()
    }

    /// Sends a message to partition 0 of a topic.
    ///
    /// # Panics
    ///
    /// Kafka does not take it.
    pub async fn put(&self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>) {
        let producer: BaseProducer = self.config.create().expect("a client");
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0);
        (record.key, record.payload) = (key, value);
        producer.send(record).expect("it is queued");
        tokio::task::spawn_blocking(move || producer.flush(PATIENCE)).await.expect("it ends").expect("it is sent");
    }

    /// Returns a setting of a topic.
    ///
    /// # Panics
    ///
    /// Kafka does not answer, or there is none.
    pub async fn setting(&self, topic: &str, name: &str) -> String {
        let topic = ResourceSpecifier::Topic(topic);
        let described = self.admin.describe_configs([&topic], &Self::options()).await;
        let described = described.expect("Kafka answers").remove(0).expect("the topic is there");
        described.get(name).and_then(|entry| entry.value.clone()).expect("the setting is there")
    }

    /// Limits the bytes a second that the producers of STA may send. `None` removes the limit.
    ///
    /// # Panics
    ///
    /// Kafka refuses.
    pub async fn limit_rate(&self, bytes: Option<f64>) {
        let address = self.config.get("bootstrap.servers").expect("it is set");
        let mut kafka = TcpStream::connect(address).await.expect("Kafka listens");
        let text =
            |text: &str| [&u16::try_from(text.len()).expect("it is short").to_be_bytes(), text.as_bytes()].concat();
        let one = 1_u32.to_be_bytes();
        // AlterClientQuotas, version 0, for the clients of this id: librdkafka does not have it.
        let request = [
            &[0, 49, 0, 0, 0, 0, 0, 0][..],
            &text("test"),
            &one,
            &one,
            &text("client-id"),
            &text("sta"),
            &one,
            &text("producer_byte_rate"),
            &bytes.unwrap_or_default().to_be_bytes(),
            &[u8::from(bytes.is_none()), 0],
        ]
        .concat();
        kafka.write_u32(u32::try_from(request.len()).expect("it is short")).await.expect("Kafka listens");
        kafka.write_all(&request).await.expect("Kafka listens");
        let mut answer = vec![0; kafka.read_u32().await.expect("Kafka answers") as usize];
        kafka.read_exact(&mut answer).await.expect("Kafka answers");
        // The error of the first entry, after the id of the request, the pause and the number of entries.
        assert_eq!(answer[12..14], [0, 0], "Kafka takes the quota: {answer:?}");
    }

    fn options() -> AdminOptions {
        AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
    }
}
