//! A context that runs on a database of a test's own, asked through its routes.

use super::TestDatabase;
use crate::infrastructure::{
    http::testing::TestServer,
    module::Module,
    postgres::{Database, Migrations},
};
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

diesel::table! {
    outbox (seq) {
        seq -> BigInt,
        key -> Text,
        #[sql_name = "type"]
        record -> Text,
        aggregate_version -> Nullable<BigInt>,
        correlation_id -> Text,
        traceparent -> Nullable<Text>,
    }
}

/// A message of a context's log, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct LoggedMessage {
    /// The record's full name.
    pub record: String,
    /// The version that the aggregate reached with it.
    pub aggregate_version: Option<i64>,
    /// What ties it to the request that led to it.
    pub correlation_id: String,
    /// The trace that it is a part of.
    pub traceparent: Option<String>,
}

/// A running context.
pub struct TestContext {
    module: Module,
    server: TestServer,
    database: TestDatabase,
}

impl TestContext {
    /// Starts a context on a database of its own.
    ///
    /// # Panics
    ///
    /// It does not start: the test fails.
    pub async fn start(module: Module) -> Self {
        let migrations: Vec<(_, Migrations)> = vec![(module.name, (module.migrations)())];
        let database = TestDatabase::create(migrations).await.expect("a database");
        let place = database.context(module.name).expect("the database's address is one");
        let server = TestServer::start(&module, place).await.expect("the context starts");
        Self { module, server, database }
    }

    /// What answers requests to it.
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// A further process, as it were, that serves the same context on the same database.
    ///
    /// # Panics
    ///
    /// It does not start: the test fails.
    pub async fn replica(&self) -> TestServer {
        TestServer::start(&self.module, self.place()).await.expect("the context starts")
    }

    /// A connection to the context's schema, to look behind the scenes.
    ///
    /// # Panics
    ///
    /// The database does not answer: the test fails.
    pub async fn look(&self) -> AsyncPgConnection {
        self.place().connect().await.expect("the database answers")
    }

    /// The messages in the log with this key, in order.
    ///
    /// # Panics
    ///
    /// The database does not answer: the test fails.
    pub async fn logged(&self, key: &str) -> Vec<LoggedMessage> {
        let logged =
            outbox::table.filter(outbox::key.eq(key.to_owned())).order(outbox::seq).select(LoggedMessage::as_select());
        logged.load(&mut self.look().await).await.expect("the log can be read")
    }

    fn place(&self) -> Database {
        self.database.context(self.module.name).expect("the database's address is one")
    }
}
