//! A context over a database of the test's own, called through its routes.

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

/// A message of a context's log, without its body.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct LoggedMessage {
    /// The record's full name.
    pub record: String,
    /// The version that the aggregate reached with it.
    pub aggregate_version: Option<i64>,
    /// The id that it shares with the request that caused it.
    pub correlation_id: String,
    /// The trace that it belongs to.
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
    /// The context does not start.
    pub async fn start(module: Module) -> Self {
        let migrations: Vec<(_, Migrations)> = vec![(module.name, (module.migrations)())];
        let database = TestDatabase::create(migrations).await.expect("a database");
        let place = database.context(module.name).expect("the database's address is one");
        let server = TestServer::start(&module, place).await.expect("the context starts");
        Self { module, server, database }
    }

    /// The server of its routes.
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// Starts another server of the same context on the same database, as a second process is.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn replica(&self) -> TestServer {
        TestServer::start(&self.module, self.place()).await.expect("the context starts")
    }

    /// A connection to the context's schema.
    ///
    /// # Panics
    ///
    /// The database does not answer.
    pub async fn look(&self) -> AsyncPgConnection {
        self.place().connect().await.expect("the database answers")
    }

    /// The messages with this key in the context's log, in order.
    ///
    /// # Panics
    ///
    /// The database does not answer.
    pub async fn logged(&self, key: &str) -> Vec<LoggedMessage> {
        let messages =
            outbox::table.filter(outbox::key.eq(key.to_owned())).order(outbox::seq).select(LoggedMessage::as_select());
        messages.load(&mut self.look().await).await.expect("the log can be read")
    }

    fn place(&self) -> Database {
        self.database.context(self.module.name).expect("the database's address is one")
    }
}
