//! The broker over Kafka passes the conformance suite, here on librdkafka's mock of a cluster, which has groups and error
//! codes. `just test-stack` runs the suite on a real Kafka.

use crate::fixture::connect;
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use seedwork::{
    broker_conformance,
    infrastructure::broker::{Broker as _, KafkaBroker},
    testing::{
        TestDatabase,
        broker::{BrokerUnderTest, PARTITIONS, database, kafka_settings, send_raw},
    },
};

struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    database: TestDatabase,
    /// The only one, as in a process: it caches facts about the cluster.
    broker: KafkaBroker,
}

impl Mock {
    async fn open() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("conformance", PARTITIONS, 1).unwrap();
        let database = database().await;
        let broker = KafkaBroker::new(kafka_settings(cluster.bootstrap_servers()), database.context("broker").unwrap());
        Self { cluster, database, broker }
    }
}

impl BrokerUnderTest for Mock {
    type Broker = KafkaBroker;

    fn broker(&self) -> KafkaBroker {
        self.broker.clone()
    }

    fn topic(&self) -> &'static str {
        "conformance"
    }

    fn database(&self) -> &TestDatabase {
        &self.database
    }

    async fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
        send_raw(&self.cluster.bootstrap_servers(), self.topic(), key, headers, value);
    }

    async fn interrupt(&self) {
        self.cluster.broker_down(1).unwrap();
        self.cluster.broker_up(1).unwrap();
    }
}

broker_conformance!(Mock::open);

/// The mock returns no settings of topics.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_keeps_its_last_known_limit_while_the_cluster_does_not_return_it() {
    let mock = Mock::open().await;
    let db = connect(mock.database.url()).await;
    let known = "INSERT INTO broker.kafka_topics (topic, partitions, max_bytes) VALUES ('conformance', $1, 2000000)";
    db.execute(known, &[&PARTITIONS]).await.unwrap();
    mock.broker.ensure_topic("conformance").await.unwrap();
    let limit = "SELECT max_bytes FROM broker.kafka_topics WHERE topic = 'conformance'";
    assert_eq!(db.query_one(limit, &[]).await.unwrap().get::<_, i64>(0), 2_000_000);
}
