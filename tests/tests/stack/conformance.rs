//! The broker over Kafka passes the conformance suite on a real one.

use seedwork::{
    broker_conformance,
    infrastructure::broker::KafkaBroker,
    testing::{
        TestDatabase,
        broker::{BrokerUnderTest, database, kafka_settings, send_raw},
    },
};
use sta_tests::stack::{Service, Turn};

struct Real {
    turn: Turn,
    database: TestDatabase,
}

impl Real {
    async fn open() -> Self {
        Self { turn: Turn::wait().await, database: database().await }
    }

    fn brokers(&self) -> &str {
        self.turn.setting("KAFKA_BROKERS")
    }
}

impl BrokerUnderTest for Real {
    type Broker = KafkaBroker;

    fn broker(&self) -> KafkaBroker {
        KafkaBroker::new(kafka_settings(self.brokers()), self.database.context("broker").unwrap())
    }

    fn topic(&self) -> &'static str {
        "conformance"
    }

    fn database(&self) -> &TestDatabase {
        &self.database
    }

    async fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
        send_raw(self.brokers(), self.topic(), key, headers, value);
    }

    async fn interrupt(&self) {
        self.turn.kill(Service::Kafka).await;
        self.turn.start(Service::Kafka).await;
    }
}

broker_conformance!(Real::open, ignore = "needs a JDK, Maven and Python: just test-stack");
