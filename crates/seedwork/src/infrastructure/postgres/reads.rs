//! Grouped reads: ids that wait together are answered by one query, the read side's twin of the group commit.

use super::{
    answers::{self, Asker},
    database::{Database, Pool},
    row::{Record, Root},
    unit_of_work::Indexed,
};
use crate::infrastructure::supervise::Supervisor;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The most ids that one query asks for.
const GROUP: usize = 256;
/// How many ids may wait.
const WAITING: usize = 16_384;

/// How many sets may be looked for at once.
const FINDS: usize = 4;

/// A read that was not answered: the database is away, or slow, or too much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database does not answer")]
pub struct ReadError;

/// Reads records of one kind by id.
pub struct Reads<R> {
    ids: mpsc::Sender<Wanted<R>>,
}

struct Wanted<R> {
    id: Uuid,
    asker: Asker<Result<Option<R>, ReadError>>,
}

impl<R> Clone for Reads<R> {
    fn clone(&self) -> Self {
        Self { ids: self.ids.clone() }
    }
}

impl<R: Record> Reads<R> {
    fn start(database: Database, deadline: Duration, supervisor: &Supervisor) -> Self {
        let (ids, wanted) = mpsc::channel(WAITING);
        // The queue outlives a task that panics.
        let wanted = Arc::new(tokio::sync::Mutex::new(wanted));
        supervisor.spawn("grouped reads", move |stop| run(database.clone(), Arc::clone(&wanted), deadline, stop));
        Self { ids }
    }

    /// The record with an id, if there is one. Whoever asks waits as long as it may.
    ///
    /// # Errors
    ///
    /// The database does not answer, or too much waits.
    pub async fn by_id(&self, id: Uuid) -> Result<Option<R>, ReadError> {
        let (asker, answer) = answers::ask();
        self.ids.try_send(Wanted { id, asker }).map_err(|_| ReadError)?;
        answer.await.unwrap_or(Err(ReadError))
    }
}

async fn run<R: Record>(
    database: Database,
    wanted: Arc<tokio::sync::Mutex<mpsc::Receiver<Wanted<R>>>>,
    deadline: Duration,
    stop: CancellationToken,
) {
    let mut wanted = wanted.lock().await;
    let mut connection = None;
    let mut group = Vec::with_capacity(GROUP);
    while let Some(1..) = stop.run_until_cancelled(wanted.recv_many(&mut group, GROUP)).await {
        group.retain(|one| !one.asker.is_gone());
        let ids = group.iter().map(|one| one.id).collect();
        let found = tokio::time::timeout(deadline, read::<R>(&database, &mut connection, ids)).await;
        let found = match found {
            Ok(Ok(records)) => Ok(records),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        match found {
            Ok(records) => {
                let records: HashMap<Uuid, R> =
                    records.into_iter().map(|record| (record.root().id(), record)).collect();
                answers::deliver(group.drain(..).map(|one| (one.asker, Ok(records.get(&one.id).cloned()))));
            }
            Err(error) => {
                tracing::error!(error, reads = group.len(), "reads were not answered");
                connection = None;
                answers::deliver(group.drain(..).map(|one| (one.asker, Err(ReadError))));
            }
        }
    }
}

async fn read<R: Record>(
    database: &Database,
    connection: &mut Option<AsyncPgConnection>,
    ids: Vec<Uuid>,
) -> anyhow::Result<Vec<R>> {
    let db = match connection {
        Some(db) => db,
        None => {
            let mut db = database.connect().await?;
            // Ids are all that is looked for here: the plan that follows the index need not be made again.
            db.batch_execute("SET plan_cache_mode = force_generic_plan").await?;
            connection.insert(db)
        }
    };
    Ok(R::by_ids(ids, db).await?)
}

/// The reads of a context, by kind of record, each started when it is first asked for.
#[derive(Clone)]
pub(super) struct Readers {
    database: Database,
    deadline: Duration,
    supervisor: Supervisor,
    started: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
    finds: Pool,
}

impl Readers {
    pub(super) fn new(database: Database, deadline: Duration, supervisor: Supervisor) -> Self {
        let finds = database.pool(FINDS).expect("the settings of a pool are fixed, and complete");
        Self { database, deadline, supervisor, started: Arc::default(), finds }
    }

    /// The ids of members of a set, at most so many of them.
    pub(super) async fn find<S: Indexed>(&self, which: &S, most: i64) -> Result<Vec<Uuid>, ReadError> {
        let mut db = self.finds.get().await?;
        which.ids(most, &mut db).await.map_err(|error| {
            tracing::error!(%error, "the members of a set were not found");
            ReadError
        })
    }

    pub(super) fn of<R: Record>(&self) -> Reads<R> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || Box::new(Reads::<R>::start(self.database.clone(), self.deadline, &self.supervisor));
        let reads = started.entry(TypeId::of::<R>()).or_insert_with(|| start());
        match reads.downcast_ref::<Reads<R>>() {
            Some(reads) => reads.clone(),
            None => *start(),
        }
    }
}
