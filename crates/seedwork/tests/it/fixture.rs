//! The context of [`model`](crate::model) on a database of a test's own.

use crate::model::{AccountId, Event, Handlers, MIGRATIONS, Uow};
use seedwork::{
    application::{Cause, Command, CommandBus, CommandHandler, StorageError},
    infrastructure::{
        broker::PgBroker,
        postgres::{CommitterSettings, Database, PgUnitOfWorkFactory, Pool},
        schema_registry::Registry,
        supervise::Supervisor,
    },
    testing::TestDatabase,
};
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;

pub(crate) type Bus = CommandBus<Handlers, PgUnitOfWorkFactory<Event>>;

/// Takes the lock of everybody who commits, in a transaction.
pub(crate) const COMMIT_LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/engine', 0));";

/// Settings for commits that succeed, however busy the machine is.
pub(crate) const PATIENT: CommitterSettings = with_deadline(20);

/// Settings for commits that fail soon.
pub(crate) const HASTY: CommitterSettings = with_deadline(2);

/// The time that a task has to end.
pub(crate) const END: Duration = Duration::from_secs(20);

const fn with_deadline(seconds: u64) -> CommitterSettings {
    let handler = Duration::from_secs(30);
    CommitterSettings { deadline: Duration::from_secs(seconds), handler, partition_rows: 1_000_000 }
}

/// The context and everything that a test looks at.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) bus: Bus,
    pub(crate) supervisor: Supervisor,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::with(PATIENT).await
    }

    pub(crate) async fn with(settings: CommitterSettings) -> Self {
        let database = TestDatabase::create(vec![("engine", MIGRATIONS)]).await.unwrap();
        let supervisor = Supervisor::new();
        let bus = bus(&database.context("engine").unwrap(), settings, &supervisor);
        Self { database, bus, supervisor }
    }

    /// The context's own schema.
    pub(crate) fn own(&self) -> Database {
        self.database.context("engine").unwrap()
    }

    /// The schema that all contexts share: the broker and the registry.
    pub(crate) fn shared(&self) -> Database {
        self.database.context("broker").unwrap()
    }

    pub(crate) fn broker(&self) -> PgBroker {
        PgBroker::new(self.shared(), 4)
    }

    pub(crate) async fn registry(&self) -> Registry {
        Registry::open(self.shared()).await.unwrap()
    }

    /// The bus of another process of the same context.
    pub(crate) fn another_bus(&self, settings: CommitterSettings) -> Bus {
        bus(&self.own(), settings, &self.supervisor)
    }

    /// The bus of another process whose handlers fail on demand.
    pub(crate) fn another_bus_with(&self, handlers: Handlers) -> Bus {
        CommandBus::new(handlers, PgUnitOfWorkFactory::start(&self.own(), PATIENT, &self.supervisor))
    }

    pub(crate) async fn give<C>(&self, command: C) -> Result<(), StorageError>
    where
        C: Command<Output = (), Error = StorageError>,
        Handlers: CommandHandler<C, Uow>,
    {
        self.bus.dispatch(command, &Cause::new()).await
    }

    /// Connections for lists.
    pub(crate) fn lists(&self) -> Pool {
        self.own().list_pool().clone()
    }

    /// A connection of the administrator to the context's schema.
    pub(crate) async fn look(&self) -> Client {
        connect(self.database.url()).await
    }

    /// Keeps everybody from committing until it is released.
    pub(crate) async fn hold_commit_lock(&self) -> CommitLock {
        let holder = self.look().await;
        holder.batch_execute(COMMIT_LOCK).await.unwrap();
        CommitLock(holder)
    }

    pub(crate) async fn balance(&self, id: AccountId) -> Option<i64> {
        let row = self.look().await.query_opt("SELECT balance FROM accounts WHERE id = $1", &[&Uuid::from(id)]).await;
        row.unwrap().map(|row| row.get(0))
    }

    /// The log as (seq, key, aggregate version). Fails if it has a gap.
    pub(crate) async fn log(&self) -> Vec<(i64, Uuid, i64)> {
        let rows = self.look().await.query("SELECT seq, key, aggregate_version FROM outbox ORDER BY seq", &[]).await;
        let log: Vec<_> =
            rows.unwrap().iter().map(|row| (row.get(0), row.get::<_, &str>(1).parse().unwrap(), row.get(2))).collect();
        assert!((1..).zip(&log).all(|(n, (seq, ..))| n == *seq), "the log has a gap: {log:?}");
        log
    }
}

/// The commit lock of the context.
pub(crate) struct CommitLock(Client);

impl CommitLock {
    pub(crate) async fn release(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

pub(crate) fn bus(database: &Database, settings: CommitterSettings, supervisor: &Supervisor) -> Bus {
    CommandBus::new(Handlers::default(), PgUnitOfWorkFactory::start(database, settings, supervisor))
}

#[expect(clippy::disallowed_methods, reason = "the connection's driver ends with the connection")]
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET search_path = engine").await.unwrap();
    client
}
