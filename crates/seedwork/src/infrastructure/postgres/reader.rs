//! A reader: ids that wait together are answered by one query, the read side's twin of the group commit.

use super::{
    answers::{self, Answer, Asker},
    database::Database,
    reads::ReadError,
    row::{Record, Root},
};
use crate::infrastructure::supervise::Supervisor;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, mpsc},
    task::yield_now,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The most ids that one query asks for.
const GROUP: usize = 256;
/// How many ids may wait.
const WAITING: usize = 16_384;

/// Where readers read, how long that may take, and who starts them.
pub(super) struct Source {
    pub(super) database: Database,
    pub(super) deadline: Duration,
    pub(super) supervisor: Supervisor,
}

/// A task with a connection of its own.
pub(super) struct Reader<R> {
    ids: mpsc::Sender<Wanted<R>>,
}

struct Wanted<R> {
    id: Uuid,
    asker: Asker<Found<R>>,
}

/// What a read finds.
pub(super) type Found<R> = Result<Option<R>, ReadError>;

impl<R> Clone for Reader<R> {
    fn clone(&self) -> Self {
        Self { ids: self.ids.clone() }
    }
}

impl<R: Record> Reader<R> {
    /// Starts one in the runtime of this thread.
    pub(super) fn start(Source { database, deadline, supervisor }: &Source) -> Self {
        let (ids, wanted) = mpsc::channel(WAITING);
        // The queue outlives a task that panics.
        let wanted = Arc::new(Mutex::new(wanted));
        let (database, deadline) = (database.clone(), *deadline);
        let run = move |stop| run(database.clone(), Arc::clone(&wanted), deadline, stop);
        supervisor.spawn("grouped reads", run);
        Self { ids }
    }

    /// Whether it has ended, as its runtime has, or the process does.
    pub(super) fn has_ended(&self) -> bool {
        self.ids.is_closed()
    }

    /// Asks for the record with an id.
    pub(super) fn ask(&self, id: Uuid) -> Result<Answer<Found<R>>, ReadError> {
        let (asker, answer) = answers::ask();
        self.ids.try_send(Wanted { id, asker }).map_err(|_| ReadError)?;
        Ok(answer)
    }
}

async fn run<R: Record>(
    database: Database,
    wanted: Arc<Mutex<mpsc::Receiver<Wanted<R>>>>,
    deadline: Duration,
    stop: CancellationToken,
) {
    let mut wanted = wanted.lock().await;
    let mut connection = None;
    let mut group = Vec::with_capacity(GROUP);
    while let Some(1..) = stop.run_until_cancelled(wanted.recv_many(&mut group, GROUP)).await {
        // Whoever asks in the same turn of this thread is answered with the first.
        yield_now().await;
        while group.len() < GROUP
            && let Ok(one) = wanted.try_recv()
        {
            group.push(one);
        }
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
