//! The broker over Kafka keeps what every broker promises: against librdkafka's own mock of a cluster, which knows groups
//! and error codes. The same suite runs against a real Kafka where one can be had.

use crate::model::connect;
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    mocking::MockCluster,
    producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer},
};
use seedwork::{
    broker_conformance,
    infrastructure::broker::{Broker as _, KafkaBroker, KafkaSettings, SecurityProtocol},
    testing::{
        TestDatabase,
        broker::{BrokerUnderTest, PARTITIONS, database},
    },
};
use std::time::Duration;

struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    database: TestDatabase,
    /// One, as a process has: what it learns of the cluster it keeps.
    broker: KafkaBroker,
}

impl Mock {
    async fn open() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("conformidad", PARTITIONS, 1).unwrap();
        let database = database().await;
        let broker = KafkaBroker::new(settings(&cluster), database.context("broker").unwrap());
        Self { cluster, database, broker }
    }
}

pub(crate) fn settings(cluster: &MockCluster<'static, DefaultProducerContext>) -> KafkaSettings {
    KafkaSettings {
        brokers: cluster.bootstrap_servers(),
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

impl BrokerUnderTest for Mock {
    type Broker = KafkaBroker;

    fn broker(&self) -> KafkaBroker {
        self.broker.clone()
    }

    fn topic(&self) -> &'static str {
        "conformidad"
    }

    fn database(&self) -> &TestDatabase {
        &self.database
    }

    async fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.cluster.bootstrap_servers()).create().unwrap();
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
        let mut record = BaseRecord::<[u8], [u8]>::to(self.topic()).partition(0).headers(headers);
        (record.key, record.payload) = (key, value);
        producer.send(record).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }

    async fn interrupt(&self) {
        self.cluster.broker_down(1).unwrap();
        self.cluster.broker_up(1).unwrap();
    }
}

broker_conformance!(Mock::open);

/// The mock does not know topics' settings: it is a cluster that does not return them.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_keeps_its_last_known_limit_while_the_cluster_does_not_return_it() {
    let mock = Mock::open().await;
    let db = connect(mock.database.url()).await;
    let known = "INSERT INTO broker.kafka_topics (topic, partitions, max_bytes) VALUES ('conformidad', $1, 2000000)";
    db.execute(known, &[&PARTITIONS]).await.unwrap();
    mock.broker.ensure_topic("conformidad").await.unwrap();
    let limit = "SELECT max_bytes FROM broker.kafka_topics WHERE topic = 'conformidad'";
    assert_eq!(db.query_one(limit, &[]).await.unwrap().get::<_, i64>(0), 2_000_000);
}
