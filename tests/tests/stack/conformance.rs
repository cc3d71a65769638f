//! The broker over Kafka keeps what every broker promises, on a real one.

use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use seedwork::{
    broker_conformance,
    infrastructure::broker::{KafkaBroker, KafkaSettings, SecurityProtocol},
    testing::{
        TestDatabase,
        broker::{BrokerUnderTest, PARTITIONS, database},
    },
};
use sta_tests::stack::{Service, Turn};
use std::time::Duration;

struct Real {
    turn: Turn,
    database: TestDatabase,
}

impl Real {
    async fn open() -> Self {
        Self { turn: Turn::wait().await, database: database().await }
    }

    fn brokers(&self) -> String {
        self.turn.setting("KAFKA_BROKERS").to_owned()
    }
}

impl BrokerUnderTest for Real {
    type Broker = KafkaBroker;

    fn broker(&self) -> KafkaBroker {
        let settings = KafkaSettings {
            brokers: self.brokers(),
            security_protocol: SecurityProtocol::Plaintext,
            sasl_mechanism: String::new(),
            sasl_username: None,
            sasl_password: None,
            ssl_ca: None,
            group_instance_id: None,
            partitions: PARTITIONS,
            replication: -1,
            min_insync: None,
            retention: Duration::from_secs(3_600),
        };
        KafkaBroker::new(settings, self.database.context("broker").unwrap())
    }

    fn topic(&self) -> &'static str {
        "conformidad"
    }

    fn database(&self) -> &TestDatabase {
        &self.database
    }

    async fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", self.brokers()).create().unwrap();
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
        let mut record = BaseRecord::<[u8], [u8]>::to(self.topic()).partition(0).headers(headers);
        (record.key, record.payload) = (key, value);
        producer.send(record).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }

    async fn interrupt(&self) {
        self.turn.kill(Service::Kafka).await;
        self.turn.start(Service::Kafka).await;
    }
}

broker_conformance!(Real::open, ignore = "needs a JDK, Maven and Python: just test-stack");
