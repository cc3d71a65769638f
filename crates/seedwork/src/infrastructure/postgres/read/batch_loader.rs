//! Batches reads by id: one query answers all ids that wait (the dataloader pattern). It is to reads what the group
//! commit is to writes.

use super::loader_slots::LoaderSlot;
use crate::infrastructure::postgres::{
    connection::{
        pool::Pool,
        read_error::{ReadError, ReadFailure},
    },
    reply::{self, ReplyReceiver, ReplySender},
    tables::{aggregate_rows::AggregateRows, row::Root},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, mpsc},
    task::yield_now,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The most ids in one query.
const GROUP: usize = 256;
/// The most ids that may wait.
const WAITING: usize = 16_384;

/// A task that reads the rows of one type of aggregate. It shares a connection with the other types on its thread.
pub(super) struct BatchLoader<R> {
    ids: mpsc::Sender<PendingRead<R>>,
}

struct PendingRead<R> {
    id: Uuid,
    reply: ReplySender<ReadResult<R>>,
}

/// The result of a read by id.
pub(super) type ReadResult<R> = Result<Option<R>, ReadError>;

impl<R> Clone for BatchLoader<R> {
    fn clone(&self) -> Self {
        Self { ids: self.ids.clone() }
    }
}

impl<R: AggregateRows> BatchLoader<R> {
    /// Starts the task in the runtime of this thread.
    pub(super) fn start(slot: Arc<LoaderSlot>) -> Self {
        let (ids, wanted) = mpsc::channel(WAITING);
        // The queue outlives a task that panics.
        let wanted = Arc::new(Mutex::new(wanted));
        let supervisor = slot.supervisor.clone();
        supervisor.spawn("grouped reads", move |stop| {
            let (slot, wanted) = (Arc::clone(&slot), Arc::clone(&wanted));
            async move { run(&slot.pool, slot.deadline, &wanted, stop).await }
        });
        Self { ids }
    }

    /// Returns true after the task has ended, with its runtime or with the process.
    pub(super) fn has_ended(&self) -> bool {
        self.ids.is_closed()
    }

    /// Queues a read of the aggregate with this id.
    pub(super) fn request(&self, id: Uuid) -> Result<ReplyReceiver<ReadResult<R>>, ReadError> {
        let (reply, receiver) = reply::channel();
        self.ids.try_send(PendingRead { id, reply }).map_err(|_| ReadError::Unavailable)?;
        Ok(receiver)
    }
}

async fn run<R: AggregateRows>(
    pool: &Pool,
    deadline: Duration,
    wanted: &Mutex<mpsc::Receiver<PendingRead<R>>>,
    stop: CancellationToken,
) {
    let mut wanted = wanted.lock().await;
    let mut group = Vec::with_capacity(GROUP);
    while let Some(1..) = stop.run_until_cancelled(wanted.recv_many(&mut group, GROUP)).await {
        // Ids that are requested in the same turn of this thread join the batch.
        yield_now().await;
        while group.len() < GROUP
            && let Ok(one) = wanted.try_recv()
        {
            group.push(one);
        }
        group.retain(|one| !one.reply.is_closed());
        let ids: Vec<Uuid> = group.iter().map(|one| one.id).collect();
        let by_ids = pool.read(async move |db| R::by_ids(ids.clone(), db).await);
        let found = tokio::time::timeout(deadline, by_ids).await;
        match found.unwrap_or_else(|_| Err(ReadFailure::Away("no answer in time".to_owned()))) {
            Ok(rows) => {
                let rows: HashMap<Uuid, R> = rows.into_iter().map(|rows| (rows.root().id(), rows)).collect();
                reply::deliver(group.drain(..).map(|one| (one.reply, Ok(rows.get(&one.id).cloned()))));
            }
            Err(failed) => {
                // A caller that has given up is counted where it gave up.
                group.retain(|one| !one.reply.is_closed());
                let refused = pool.refuse(failed, group.len());
                reply::deliver(group.drain(..).map(|one| (one.reply, Err(refused.clone()))));
            }
        }
    }
}
