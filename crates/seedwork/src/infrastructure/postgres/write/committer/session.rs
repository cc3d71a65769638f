//! The committer's connection and its prepared statements.

use super::statement_cache::StatementCache;
use crate::infrastructure::postgres::{
    connection::database::Database,
    tables::{changes::Call, row::Param, statements::Purpose},
    write::{
        inbox::{self, InboxCalls},
        outbox, partitions,
    },
};
use std::time::Duration;
use tokio_postgres::{Client, Error, Statement, types::ToSql};
use uuid::Uuid;

/// The longest idle time inside a transaction. A process that freezes between the lock and the COMMIT blocks the others
/// no longer than this.
const IDLE_IN_TRANSACTION: Duration = Duration::from_millis(1_500);
/// The longest wait for a lock: longer than a frozen process can hold the context's lock.
const LOCK: Duration = Duration::from_millis(2_500);
/// The longest time that a statement may take. A group that exceeds it, and then its units one by one, end within the
/// default deadline of a unit.
const STATEMENT: Duration = Duration::from_secs(3);
/// The longest wait for the answer to all statements before the COMMIT, and for the answer to the COMMIT. It does not
/// depend on the deadlines of units, which only decide when a caller gives up.
pub(super) const ANSWER: Duration = Duration::from_millis(3_500);

/// Shorter limits for units that are written individually, so that a slow unit does not use up the time of the others.
pub(super) const INDIVIDUAL_LIMITS: &str = "SET LOCAL lock_timeout = 500; SET LOCAL statement_timeout = 1000";

/// Returns the settings of the session. It searches by key only, so an index is always the right plan, even if the plan
/// was made when the table was empty.
fn settings() -> String {
    format!(
        "SET synchronous_commit = on; SET statement_timeout = {}; SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}; SET plan_cache_mode = force_generic_plan; \
         SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
         SET jit = off",
        STATEMENT.as_millis(),
        LOCK.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
    )
}

/// BEGIN and the lock in one message, so that no statement runs between them. The lock's statement is prepared: for a
/// group of one, planning it would cost more than the write.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; EXECUTE lock";

/// In a failed transaction, the SAVEPOINT is an error. A bare COMMIT would roll back without an error.
const COMMIT: &str = "SAVEPOINT before; COMMIT";

/// The connection of the committer.
pub(super) struct WriteSession {
    client: Client,
    statements: StatementCache,
    append: Statement,
    inbox: Inbox,
    /// The highest number in the log that this session has seen committed.
    pub(super) seen: i64,
}

impl WriteSession {
    pub(super) async fn open(database: &Database) -> Result<Self, Error> {
        let client = database.client(&settings()).await?;
        let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('sta/commit/{}', 0))", database.schema());
        client.batch_execute(&format!("PREPARE lock AS {lock}")).await?;
        let append = client.prepare(outbox::APPEND).await?;
        let inbox = Inbox::prepare(&client).await?;
        let seen = client.query_one(outbox::LAST_SEQ, &[]).await?.get(0);
        Ok(Self { client, statements: StatementCache::default(), append, inbox, seen })
    }

    /// Returns the highest number for which the log has a partition.
    pub(super) async fn until(&self) -> Result<i64, Error> {
        partitions::until(&self.client).await
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Begins a transaction and takes the context's lock.
    pub(super) async fn begin(&self) -> Result<(), Error> {
        self.client.batch_execute(BEGIN).await
    }

    /// Commits the transaction.
    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.client.batch_execute(COMMIT).await
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn simple(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await
    }

    /// Prepares the statements of the calls, see [`StatementCache::prepare`].
    pub(super) async fn prepare(&mut self, calls: &[Call<'_>]) -> Result<(), Error> {
        self.statements.prepare(&self.client, calls).await
    }

    /// Runs a prepared call. Returns the number of rows that it wrote.
    pub(super) async fn run(&self, call: &Call<'_>) -> Result<usize, Error> {
        let Some(statement) = self.statements.get(call.table, call.purpose) else { return Ok(0) };
        let rows = self.client.execute(statement, &borrow(&call.params)).await?;
        Ok(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// Returns the roots of a call whose rows this transaction did not write.
    pub(super) async fn unwritten_roots(&self, call: &Call<'_>) -> Result<Vec<Uuid>, Error> {
        let Some(statement) = self.statements.get(call.table, Purpose::UnwrittenRoots) else {
            return Ok(Vec::new());
        };
        let rows = self.client.query(statement, &[&call.roots]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Claims, checks, unparks and parks messages. Returns true if all of it succeeded.
    pub(super) async fn inbox(&self, calls: &InboxCalls<'_>) -> Result<bool, Error> {
        if calls.is_empty() {
            return Ok(true);
        }
        let run = async |wanted: usize, statement: &Statement, params: Vec<Param<'_>>| match wanted {
            0 => Ok(true),
            _ => Ok(self.client.execute(statement, &borrow(&params)).await? == wanted as u64),
        };
        let (claimed, checked, unparked, parked) = futures_util::future::join4(
            run(calls.claim_count(), &self.inbox.claim, calls.claim()),
            run(calls.checks.len(), &self.inbox.check, calls.check()),
            run(calls.unparks.len(), &self.inbox.unpark, calls.unpark()),
            run(calls.parks.len(), &self.inbox.park, calls.parking()),
        )
        .await;
        let all: Result<Vec<bool>, Error> = [claimed, checked, unparked, parked].into_iter().collect();
        Ok(all?.into_iter().all(|done| done))
    }

    /// Returns the messages that were not claimed: the index of each in [`InboxCalls::claimed`], and true if an earlier
    /// transaction claimed it.
    pub(super) async fn unclaimed(&self, calls: &InboxCalls<'_>) -> Result<Vec<(usize, bool)>, Error> {
        let rows = self.client.query(&self.inbox.unclaimed, &borrow(&calls.claimed())).await?;
        let place = |n: i64| usize::try_from(n - 1).unwrap_or(usize::MAX);
        Ok(rows.iter().map(|row| (place(row.get(0)), row.get(1))).collect())
    }

    /// Appends to the log. Returns the number before the first message.
    pub(super) async fn append(&self, params: &[Param<'_>]) -> Result<i64, Error> {
        Ok(self.client.query_one(&self.append, &borrow(params)).await?.get(0))
    }
}

/// The statements of the inbox.
struct Inbox {
    claim: Statement,
    check: Statement,
    unpark: Statement,
    park: Statement,
    unclaimed: Statement,
}

impl Inbox {
    async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            claim: client.prepare(inbox::CLAIM).await?,
            check: client.prepare(inbox::CHECK).await?,
            unpark: client.prepare(inbox::UNPARK).await?,
            park: client.prepare(inbox::PARK).await?,
            unclaimed: client.prepare(inbox::UNCLAIMED).await?,
        })
    }
}

fn borrow<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect()
}

#[cfg(all(test, feature = "testing-postgres"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_commit_of_a_failed_transaction_is_an_error() {
        let database = TestDatabase::create(vec![]).await.unwrap();
        let client = database.context("broker").unwrap().administrator().await.unwrap();
        client.batch_execute("BEGIN").await.unwrap();
        client.batch_execute("SELECT 1 / 0").await.unwrap_err();
        client.batch_execute("COMMIT").await.expect("PostgreSQL rolls back without an error");
        client.batch_execute("BEGIN").await.unwrap();
        client.batch_execute("SELECT 1 / 0").await.unwrap_err();
        client.batch_execute(COMMIT).await.unwrap_err();
    }
}
