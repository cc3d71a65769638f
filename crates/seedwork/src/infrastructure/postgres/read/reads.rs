//! Grouped reads by id, and the threads that make them.

use super::{
    batch_loader::{BatchLoader, ReadResult},
    loader_slots::LoaderSlots,
};
use crate::infrastructure::{
    postgres::{
        connection::{database::Database, pool::SWEEP, read_error::ReadError},
        reply::{self, ReplyReceiver},
        tables::{aggregate_rows::AggregateRows, mapping::FindIds},
    },
    supervise::Supervisor,
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::{self, ThreadId},
    time::Duration,
};
use tokio::{runtime::Handle, time::sleep};
use uuid::Uuid;

/// Reads the rows of one type of aggregate by id, from any thread. It chooses the `BatchLoader` of the calling
/// thread, which groups the ids.
///
/// A thread with a runtime of its own, such as a worker of the HTTP server, has a loader of its own: waking another
/// thread and being woken by it would cost more than the read. All other threads share one loader. So do workers beyond
/// the context's share of the connections.
pub struct Reads<R> {
    slots: Arc<LoaderSlots>,
    shared: BatchLoader<R>,
    own: Arc<RwLock<ThreadLoaders<R>>>,
}

/// The loaders of threads that have one of their own.
type ThreadLoaders<R> = Vec<(ThreadId, BatchLoader<R>)>;

impl<R> Clone for Reads<R> {
    fn clone(&self) -> Self {
        Self { slots: Arc::clone(&self.slots), shared: self.shared.clone(), own: Arc::clone(&self.own) }
    }
}

impl<R: AggregateRows> Reads<R> {
    fn new(slots: Arc<LoaderSlots>) -> Self {
        Self { shared: BatchLoader::start(Arc::clone(&slots.shared)), slots, own: Arc::default() }
    }

    /// Returns the rows of the aggregate with an id, if there is one. The caller sets the time limit.
    ///
    /// # Errors
    ///
    /// The database does not answer, too many reads wait, or the tables do not match the program.
    pub async fn by_id(&self, id: Uuid) -> ReadResult<R> {
        self.request(id)?.await.unwrap_or(Err(ReadError::Unavailable))
    }

    fn request(&self, id: Uuid) -> Result<ReplyReceiver<ReadResult<R>>, ReadError> {
        if !reply::has_own_runtime() {
            return self.shared.request(id);
        }
        let here = thread::current().id();
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, loader)) = own.iter().find(|(thread, loader)| *thread == here && !loader.has_ended()) {
            return loader.request(id);
        }
        drop(own);
        let Some(slot) = self.slots.of(here) else { return self.shared.request(id) };
        let loader = BatchLoader::start(slot);
        let reply = loader.request(id);
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        // A loader ends with its thread's runtime.
        own.retain(|(_, loader)| !loader.has_ended());
        own.push((here, loader));
        reply
    }
}

/// The loaders of a context, by type of aggregate.
#[derive(Clone)]
pub(crate) struct BatchLoaders {
    slots: Arc<LoaderSlots>,
    /// The runtime of the shared loaders: the process's own, which outlives the threads of the HTTP server.
    runtime: Handle,
    known: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
}

impl BatchLoaders {
    /// Creates an empty set. The shared loaders will run in the runtime of this thread.
    pub(crate) fn new(database: Database, deadline: Duration, supervisor: Supervisor) -> Self {
        let slots = Arc::new(LoaderSlots::new(database, deadline, supervisor.clone()));
        let swept = Arc::clone(&slots);
        supervisor.spawn("idle connections", move |stop| {
            let slots = Arc::clone(&swept);
            async move {
                while stop.run_until_cancelled(sleep(SWEEP)).await.is_some() {
                    slots.close_idle();
                }
            }
        });
        Self { slots, runtime: Handle::current(), known: Arc::default() }
    }

    /// Returns the ids of at most `most` aggregates that satisfy a specification.
    pub(crate) async fn find<S: FindIds>(&self, which: Arc<S>, most: i64) -> Result<Vec<Uuid>, ReadError> {
        let pool = self.slots.database.list_pool();
        pool.read(async move |db| which.ids(most, db).await).await.map_err(|failed| pool.refuse(failed, 1))
    }

    /// Returns the reads of one type of aggregate.
    pub(crate) fn of<R: AggregateRows>(&self) -> Reads<R> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let _guard = self.runtime.enter();
            Box::new(Reads::<R>::new(Arc::clone(&self.slots)))
        };
        let reads = known.entry(TypeId::of::<R>()).or_insert_with(|| {
            self.slots.database.expect(check::<R>);
            new()
        });
        match reads.downcast_ref::<Reads<R>>() {
            Some(reads) => reads.clone(),
            None => *new(),
        }
    }
}

fn check<R: AggregateRows>(db: &mut AsyncPgConnection) -> BoxFuture<'_, QueryResult<()>> {
    async move { R::by_ids(Vec::new(), db).await.map(drop) }.boxed()
}
