//! A unit of work over memory with the rules of the real one: an identity map, versions, no effect before the commit.

use crate::{
    application::{
        Cause, Committed, Find, IntegrationEvent, Load, Project, REACTION_BATCH, ReadModel, RecordedEvents, Save,
        StorageError, UnitOfWork, UnitOfWorkFactory,
    },
    domain::{Aggregate, Id, Specification, Version},
};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// The type and the id of an aggregate.
type Key = (TypeId, Uuid);

/// The committed state.
#[derive(Default)]
pub(super) struct Store {
    aggregates: HashMap<Key, CommittedAggregate>,
    read_models: HashMap<TypeId, Box<dyn Any + Send>>,
    published: Vec<Message>,
}

/// A message of any type.
struct Message {
    record: &'static str,
    event: Box<dyn Any + Send>,
}

/// The versions and the number of messages at one moment.
#[derive(PartialEq, Eq)]
pub(super) struct Snapshot {
    versions: HashMap<Key, Version>,
    published: usize,
}

struct CommittedAggregate {
    version: Version,
    aggregate: Box<dyn Any + Send>,
}

impl Store {
    pub(super) fn put<A: Aggregate>(&mut self, aggregate: A) {
        let stored = CommittedAggregate { version: aggregate.version(), aggregate: Box::new(aggregate.clone()) };
        self.aggregates.insert(key::<A>(aggregate.id()), stored);
    }

    pub(super) fn get<A: Aggregate>(&self, id: A::Id) -> Option<A> {
        self.aggregates.get(&key::<A>(id)).and_then(|stored| stored.aggregate.downcast_ref::<A>()).cloned()
    }

    pub(super) fn all<A: Aggregate>(&self) -> Vec<A> {
        self.aggregates.values().filter_map(|stored| stored.aggregate.downcast_ref::<A>()).cloned().collect()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let versions = self.aggregates.iter().map(|(key, stored)| (*key, stored.version)).collect();
        Snapshot { versions, published: self.published.len() }
    }

    /// The messages of one type that were published since.
    pub(super) fn published<E: IntegrationEvent>(&self, since: &Snapshot) -> Vec<E> {
        let messages = self.published[since.published..].iter();
        messages.filter_map(|message| message.event.downcast_ref::<E>()).cloned().collect()
    }

    /// The records of all messages that were published since.
    pub(super) fn published_types(&self, since: &Snapshot) -> Vec<&'static str> {
        self.published[since.published..].iter().map(|message| message.record).collect()
    }

    fn project<M: ReadModel>(&mut self, row: M) {
        let empty = || Box::new(HashMap::<M::Key, M>::new());
        let rows = self.read_models.entry(TypeId::of::<M>()).or_insert_with(|| empty());
        if let Some(rows) = rows.downcast_mut::<HashMap<M::Key, M>>() {
            let newest = rows.entry(row.key()).or_insert_with(|| row.clone());
            if newest.order() < row.order() {
                *newest = row;
            }
        }
    }

    fn read_model<M: ReadModel>(&self) -> Vec<M> {
        let rows = self.read_models.get(&TypeId::of::<M>()).and_then(|rows| rows.downcast_ref::<HashMap<M::Key, M>>());
        let mut rows: Vec<M> = rows.into_iter().flat_map(HashMap::values).cloned().collect();
        rows.sort_by_key(ReadModel::order);
        rows
    }
}

fn key<A: Aggregate>(id: A::Id) -> Key {
    (TypeId::of::<A>(), id.uuid())
}

/// Begins units of work over memory and commits them to it.
pub struct FakeUnitOfWorkFactory<E> {
    store: Arc<Mutex<Store>>,
    event: PhantomData<fn() -> E>,
}

impl<E> FakeUnitOfWorkFactory<E> {
    /// An empty memory.
    pub fn new() -> Self {
        Self { store: Arc::default(), event: PhantomData }
    }

    /// The rows of a read model, the oldest first.
    pub fn read_model<M: ReadModel>(&self) -> Vec<M> {
        self.store().read_model()
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

/// The clones share one memory.
impl<E> Clone for FakeUnitOfWorkFactory<E> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), event: PhantomData }
    }
}

impl<E> Default for FakeUnitOfWorkFactory<E> {
    fn default() -> Self {
        Self::new()
    }
}

fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<E: Send + 'static> UnitOfWorkFactory for FakeUnitOfWorkFactory<E> {
    type Uow = FakeUnitOfWork<E>;

    fn begin(&self, _: &Cause) -> FakeUnitOfWork<E> {
        FakeUnitOfWork {
            store: Arc::clone(&self.store),
            saved: HashMap::new(),
            projected: Vec::new(),
            events: Vec::new(),
            published: Vec::new(),
            has_more: false,
        }
    }

    async fn restart(&self, _: FakeUnitOfWork<E>) -> Result<FakeUnitOfWork<E>, StorageError> {
        Ok(self.begin(&Cause::new()))
    }

    async fn limit<F>(&self, _: &Cause, work: F) -> Result<F::Output, StorageError>
    where
        F: Future<Output: Send> + Send,
    {
        Ok(work.await)
    }

    async fn commit(&self, uow: FakeUnitOfWork<E>) -> Result<Committed, StorageError> {
        let mut store = self.store();
        for (key, saved) in &uow.saved {
            match store.aggregates.get(key) {
                Some(_) if saved.expected == 0 => return Err(StorageError::Unique("pkey".into())),
                current if current.map_or(0, |stored| stored.version) != saved.expected => {
                    return Err(StorageError::ConcurrencyConflict);
                }
                _ => {}
            }
        }
        store.aggregates.extend(uow.saved.into_iter().map(|(key, saved)| (key, saved.stored)));
        uow.projected.into_iter().for_each(|project| project(&mut store));
        store.published.extend(uow.published);
        Ok(Committed)
    }
}

/// The unit of work of [`FakeUnitOfWorkFactory`].
pub struct FakeUnitOfWork<E> {
    store: Arc<Mutex<Store>>,
    saved: HashMap<Key, Saved>,
    projected: Vec<ErasedProjection>,
    events: Vec<E>,
    published: Vec<Message>,
    has_more: bool,
}

/// Writes a row of a read model of any type.
type ErasedProjection = Box<dyn FnOnce(&mut Store) + Send>;

struct Saved {
    expected: Version,
    stored: CommittedAggregate,
}

impl<E> FakeUnitOfWork<E> {
    /// All aggregates of a type as this unit sees them.
    fn all<A: Aggregate>(&self) -> Vec<A> {
        let store = lock(&self.store);
        let committed =
            store.aggregates.iter().filter(|(key, _)| !self.saved.contains_key(key)).map(|(_, stored)| stored);
        let saved = self.saved.values().map(|saved| &saved.stored);
        committed.chain(saved).filter_map(|stored| stored.aggregate.downcast_ref::<A>()).cloned().collect()
    }
}

impl<E: Send> UnitOfWork for FakeUnitOfWork<E> {
    fn publish<M: IntegrationEvent>(&mut self, event: &M) {
        self.published.push(Message { record: M::TYPE, event: Box::new(event.clone()) });
    }
}

impl<E: Send> RecordedEvents<E> for FakeUnitOfWork<E> {
    fn drain(&mut self) -> Vec<E> {
        std::mem::take(&mut self.events)
    }

    fn has_more(&self) -> bool {
        self.has_more
    }
}

impl<E: Send, A: Aggregate> Load<A> for FakeUnitOfWork<E> {
    async fn load(&mut self, id: A::Id) -> Result<Option<A>, StorageError> {
        let saved = self.saved.get(&key::<A>(id)).and_then(|saved| saved.stored.aggregate.downcast_ref::<A>());
        Ok(saved.cloned().or_else(|| lock(&self.store).get(id)))
    }
}

impl<E: Send, S: Specification> Find<S> for FakeUnitOfWork<E> {
    async fn find(&mut self, which: S) -> Result<Vec<S::Of>, StorageError> {
        let mut found: Vec<S::Of> = self.all();
        found.retain(|aggregate| which.is_satisfied_by(aggregate));
        found.sort_by_key(|aggregate| aggregate.id().uuid());
        self.has_more |= found.len() > REACTION_BATCH;
        found.truncate(REACTION_BATCH);
        Ok(found)
    }
}

impl<E: Send, A: Aggregate<Event: Into<E>>> Save<A> for FakeUnitOfWork<E> {
    fn save(&mut self, mut aggregate: A) {
        let version = aggregate.version();
        let events = aggregate.take_events();
        let key = key::<A>(aggregate.id());
        let expected = match self.saved.get(&key) {
            Some(saved) => saved.expected,
            None => version.saturating_sub(Version::try_from(events.len()).unwrap_or(Version::MAX)),
        };
        self.events.extend(events.into_iter().map(Into::into));
        let stored = CommittedAggregate { version: aggregate.version(), aggregate: Box::new(aggregate) };
        self.saved.insert(key, Saved { expected, stored });
    }
}

impl<E: Send, M: ReadModel> Project<M> for FakeUnitOfWork<E> {
    fn project(&mut self, row: M) {
        self.projected.push(Box::new(move |store| store.project(row)));
    }
}
