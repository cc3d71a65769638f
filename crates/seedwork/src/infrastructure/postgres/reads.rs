//! Grouped reads: who reads for whom.

use super::{
    answers::{self, Answer},
    database::{Database, Pool},
    reader::{Found, Reader, Source},
    row::Record,
    unit_of_work::Indexed,
};
use crate::infrastructure::supervise::Supervisor;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::{self, ThreadId},
    time::Duration,
};
use tokio::runtime::Handle;
use uuid::Uuid;

/// How many threads may read by themselves, for each kind of record: each has a connection for it.
const OWN: usize = 4;
/// How many sets may be looked for at once.
const FINDS: usize = 4;

/// A read that was not answered: the database is away, or slow, or too much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database does not answer")]
pub struct ReadError;

/// Reads records of one kind by id.
///
/// Ids that wait together are answered by one query. A thread with a runtime of its own, as each worker of the HTTP
/// server is, reads by itself: to wake another thread, and be woken by it, costs more than the read. Everybody else, and
/// whoever comes when enough do, shares one reader.
pub struct Reads<R> {
    source: Arc<Source>,
    shared: Reader<R>,
    own: Arc<RwLock<Own<R>>>,
}

/// The readers of threads that read by themselves.
type Own<R> = Vec<(ThreadId, Reader<R>)>;

impl<R> Clone for Reads<R> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source), shared: self.shared.clone(), own: Arc::clone(&self.own) }
    }
}

impl<R: Record> Reads<R> {
    fn new(source: Arc<Source>) -> Self {
        Self { shared: Reader::start(&source), source, own: Arc::default() }
    }

    /// The record with an id, if there is one. Whoever asks waits as long as it may.
    ///
    /// # Errors
    ///
    /// The database does not answer, or too much waits.
    pub async fn by_id(&self, id: Uuid) -> Found<R> {
        self.ask(id)?.await.unwrap_or(Err(ReadError))
    }

    fn ask(&self, id: Uuid) -> Result<Answer<Found<R>>, ReadError> {
        if !answers::is_alone() {
            return self.shared.ask(id);
        }
        let here = thread::current().id();
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        let mut live = own.iter().filter(|(_, reader)| !reader.has_ended());
        if let Some((_, reader)) = live.clone().find(|(thread, _)| *thread == here) {
            return reader.ask(id);
        }
        if live.nth(OWN - 1).is_some() {
            return self.shared.ask(id);
        }
        drop(own);
        let reader = Reader::start(&self.source);
        let answer = reader.ask(id);
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        // A reader ends with its thread's runtime; one that is not kept, when it has answered.
        own.retain(|(_, reader)| !reader.has_ended());
        if own.len() < OWN {
            own.push((here, reader));
        }
        answer
    }
}

/// The reads of a context, by kind of record.
#[derive(Clone)]
pub(super) struct Readers {
    source: Arc<Source>,
    // Where they run: the process's own runtime, which outlives the threads of the HTTP server.
    home: Handle,
    known: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
    finds: Pool,
}

impl Readers {
    /// None yet. They will run in the runtime of this thread.
    pub(super) fn new(database: Database, deadline: Duration, supervisor: Supervisor) -> Self {
        let finds = database.pool(FINDS).expect("the settings of a pool are fixed, and complete");
        Self {
            source: Arc::new(Source { database, deadline, supervisor }),
            home: Handle::current(),
            known: Arc::default(),
            finds,
        }
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
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let _home = self.home.enter();
            Box::new(Reads::<R>::new(Arc::clone(&self.source)))
        };
        let reads = known.entry(TypeId::of::<R>()).or_insert_with(|| new());
        match reads.downcast_ref::<Reads<R>>() {
            Some(reads) => reads.clone(),
            None => *new(),
        }
    }
}
