//! The broker over PostgreSQL keeps what every broker promises.

use crate::model::connect;
use seedwork::{
    broker_conformance,
    infrastructure::broker::{Broker, PgBroker, Positions, Subscriber},
    testing::{
        TestDatabase,
        broker::{BrokerUnderTest, PARTITIONS, database},
    },
};
use std::sync::Arc;

struct Postgres(TestDatabase);

impl Postgres {
    async fn open() -> Self {
        Self(database().await)
    }
}

impl BrokerUnderTest for Postgres {
    type Broker = PgBroker;

    fn broker(&self) -> PgBroker {
        PgBroker::new(self.0.context("broker").unwrap(), PARTITIONS)
    }

    fn topic(&self) -> &'static str {
        "conformidad"
    }

    fn database(&self) -> &TestDatabase {
        &self.0
    }

    async fn raw(&self, key: Option<&[u8]>, headers: &[(&str, &[u8])], value: Option<&[u8]>) {
        let db = connect(self.0.url()).await;
        let next = "UPDATE broker.partitions SET next = next + 1 WHERE topic = $1 AND partition = 0 RETURNING next - 1";
        let offset: i64 = db.query_one(next, &[&self.topic()]).await.unwrap().get(0);
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let headers: serde_json::Map<_, _> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), text(value).into())).collect();
        let headers = serde_json::Value::Object(headers).to_string();
        let insert = "INSERT INTO broker.messages VALUES ($1, 0, $2, now(), $3, $4, $5)";
        db.execute(insert, &[&self.topic(), &offset, &key, &headers, &value]).await.unwrap();
    }

    async fn interrupt(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        connect(self.0.url()).await.execute(cut, &[]).await.unwrap();
    }
}

broker_conformance!(Postgres::open);

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_followed_at_once_and_not_when_its_term_is_over() {
    let postgres = Postgres::open().await;
    let from_the_first: Positions = Arc::new(|partitions| Box::pin(std::future::ready(Ok(vec![0; partitions.len()]))));
    let join = || {
        let (broker, positions) = (postgres.broker(), Arc::clone(&from_the_first));
        async move { broker.subscribe("sta-conformidad", &["conformidad"], positions).await.unwrap() }
    };
    let (mut one, mut other) = (join().await, join().await);
    assert_eq!(one.share().await.unwrap().gained.len(), PARTITIONS as usize);
    one.leave().await.unwrap();
    assert_eq!(other.share().await.unwrap().gained.len(), PARTITIONS as usize);
}
