//! Kafka in tests: the settings of a small cluster, and a producer that keeps no convention.

use super::PARTITIONS;
use crate::infrastructure::broker::{KafkaSettings, SecurityProtocol};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use std::time::Duration;

/// Settings for a cluster of one node without TLS; topics have [`PARTITIONS`] partitions.
pub fn kafka_settings(brokers: impl Into<String>) -> KafkaSettings {
    KafkaSettings {
        brokers: brokers.into(),
        security_protocol: SecurityProtocol::Plaintext,
        sasl_mechanism: String::new(),
        sasl_username: None,
        sasl_password: None,
        ssl_ca: None,
        group_instance_id: None,
        partitions: PARTITIONS,
        replication: 1,
        min_insync: None,
        retention: Duration::from_secs(3_600),
    }
}

/// Sends a message to partition 0 of a topic as no well-behaved producer would.
pub fn send_raw(brokers: &str, topic: &str, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let headers = headers
        .iter()
        .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).headers(headers);
    (record.key, record.payload) = (key, value);
    producer.send(record).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
}
