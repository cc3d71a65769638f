//! The PostgreSQL unit of work: a value that collects writes, and an identity map.

use super::{
    committer::{Committer, CommitterSettings, LogState, Writes},
    inbox::Parking,
    lanes::{Lane, LaneKey, Lanes},
    outbox::OutboxMessage,
};
use crate::{
    application::{
        Cause, Committed, Find, IntegrationEvent, Load, Project, REACTION_BATCH, RecordedEvents, Save, StorageError,
        UnitOfWork, UnitOfWorkFactory,
    },
    domain::{Aggregate, Clock, Id, SystemClock, Timestamp},
    infrastructure::{
        avro,
        postgres::{
            connection::{database::Database, read_error::ReadError},
            read::reads::{BatchLoaders, Reads},
            tables::{
                aggregate_rows::AggregateRows,
                changes::Change,
                mapping::{FindIds, Persisted, PersistedReadModel, stored_version},
            },
        },
        supervise::Supervisor,
    },
};
use futures_util::future::try_join_all;
use std::{
    any::{Any, TypeId},
    marker::PhantomData,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use uuid::Uuid;

/// The largest message that the log accepts, in bytes. Kafka's default limit is a little higher.
const MESSAGE_BYTES: usize = 1_000_000;

/// The longest wait of a consumed message for a lane, a read or its commit. Each wait has this limit of its own,
/// because no client waits for the whole.
const MESSAGE: Duration = Duration::from_secs(10);

/// Begins a context's units of work, and commits them to its PostgreSQL schema.
pub struct PgUnitOfWorkFactory<E> {
    committer: Committer,
    loaders: BatchLoaders,
    lanes: Lanes,
    log: watch::Receiver<LogState>,
    deadline: Duration,
    handler: Duration,
    event: PhantomData<fn() -> E>,
}

impl<E> PgUnitOfWorkFactory<E> {
    /// Starts the tasks that write and read for a context.
    pub fn start(database: &Database, settings: CommitterSettings, supervisor: &Supervisor) -> Self {
        let (log, state) = watch::channel(LogState::default());
        Self {
            committer: Committer::start(database.clone(), settings, log, supervisor),
            loaders: BatchLoaders::new(database.clone(), settings.deadline, supervisor.clone()),
            lanes: Lanes::default(),
            log: state,
            deadline: settings.deadline,
            handler: settings.handler,
            event: PhantomData,
        }
    }

    /// Returns the state of the log as this process knows it. It changes with every commit.
    pub fn log(&self) -> watch::Receiver<LogState> {
        self.log.clone()
    }

    /// Parks a message, behind the parked messages of its key.
    ///
    /// # Errors
    ///
    /// [`StorageError::Duplicate`] if it was claimed before, or the database does not answer.
    pub(crate) async fn park(&self, parking: Parking) -> Result<(), StorageError> {
        let writes = Writes { parking: Some(parking), ..Writes::default() };
        self.committer.commit(writes, Vec::new(), Instant::now() + MESSAGE).await.map(|Committed| ())
    }

    /// Returns the grouped reads of one type of aggregate, for queries.
    pub fn reads<R: AggregateRows>(&self) -> Reads<R> {
        self.loaders.of()
    }
}

impl<E: Send + 'static> PgUnitOfWorkFactory<E> {
    fn empty(&self, cause: Arc<Cause>, deadline: Option<Instant>) -> PgUnitOfWork<E> {
        PgUnitOfWork {
            loaders: self.loaders.clone(),
            lanes: self.lanes.clone(),
            entered: Vec::new(),
            missed: None,
            saved: Vec::new(),
            projected: Vec::new(),
            events: Vec::new(),
            messages: Vec::new(),
            cause,
            time: SystemClock.now(),
            deadline,
            has_more: false,
            defect: None,
        }
    }
}

impl<E: Send + 'static> UnitOfWorkFactory for PgUnitOfWorkFactory<E> {
    type Uow = PgUnitOfWork<E>;

    fn begin(&self, cause: &Cause) -> PgUnitOfWork<E> {
        let deadline = cause.consumed.is_none().then(|| Instant::now() + self.deadline);
        self.empty(Arc::new(cause.clone()), deadline)
    }

    async fn restart(&self, uow: PgUnitOfWork<E>) -> Result<PgUnitOfWork<E>, StorageError> {
        let mut next = self.empty(Arc::clone(&uow.cause), uow.deadline);
        let mut keys: Vec<LaneKey> = uow.entered.iter().map(Lane::key).chain(uow.missed).collect();
        keys.sort_unstable();
        // The lanes of the last unit are left first: their waiters may hold the lanes that this unit waits for.
        drop(uow);
        for key in keys {
            next.enter(key).await?;
        }
        Ok(next)
    }

    async fn limit<F>(&self, cause: &Cause, work: F) -> Result<F::Output, StorageError>
    where
        F: Future<Output: Send> + Send,
    {
        let most = if cause.consumed.is_some() { self.handler } else { self.deadline };
        timeout(most, work).await.map_err(|_| StorageError::TimedOut)
    }

    async fn commit(&self, uow: PgUnitOfWork<E>) -> Result<Committed, StorageError> {
        let until = uow.until();
        if let Some(defect) = uow.defect {
            return Err(defect);
        }
        let saved = uow.saved.into_iter().flat_map(|saved| saved.aggregate.changes(saved.expected));
        let changes = saved.chain(uow.projected).collect();
        let consumed = uow.cause.consumed.clone();
        let writes = Writes { changes, messages: uow.messages, consumed, has_more: uow.has_more, parking: None };
        self.committer.commit(writes, uow.entered, until).await
    }
}

/// The unit of work of [`PgUnitOfWorkFactory`]. `E` is the type of the context's domain events.
pub struct PgUnitOfWork<E> {
    loaders: BatchLoaders,
    lanes: Lanes,
    entered: Vec<Lane>,
    /// The lane that was not entered, because waiting for it could have been a deadlock.
    missed: Option<LaneKey>,
    saved: Vec<SavedAggregate>,
    projected: Vec<Change>,
    events: Vec<E>,
    messages: Vec<OutboxMessage>,
    cause: Arc<Cause>,
    time: Timestamp,
    /// The deadline of a request. None for a message: each of its waits has a limit of its own.
    deadline: Option<Instant>,
    /// True if more aggregates satisfy a specification than this unit was given.
    has_more: bool,
    defect: Option<StorageError>,
}

/// An aggregate as it was last saved.
struct SavedAggregate {
    key: LaneKey,
    /// The version at which it was loaded. The database must still have it.
    expected: i32,
    aggregate: Box<dyn ErasedAggregate>,
}

/// A saved aggregate with its type erased.
trait ErasedAggregate: Any + Send {
    fn changes(self: Box<Self>, expected: i32) -> Vec<Change>;
}

impl<A: Persisted> ErasedAggregate for A {
    fn changes(self: Box<Self>, expected: i32) -> Vec<Change> {
        A::Rows::from(*self).changes(expected)
    }
}

impl<E> PgUnitOfWork<E> {
    /// Returns the deadline of a wait that begins now.
    fn until(&self) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + MESSAGE)
    }

    /// Enters the lane of an aggregate. It waits only in the order of the keys, or two units could wait for each other.
    /// Otherwise the command is run again, and enters all lanes in order.
    async fn enter(&mut self, key: LaneKey) -> Result<(), StorageError> {
        if self.entered.iter().any(|lane| lane.key() == key) {
            return Ok(());
        }
        let lane = match self.entered.iter().map(Lane::key).max() {
            Some(highest) if key < highest => {
                self.missed = Some(key);
                self.lanes.try_enter(key).ok_or(StorageError::ConcurrencyConflict)?
            }
            _ => {
                let turn = timeout_at(self.until(), self.lanes.enter(key)).await;
                turn.map_err(|_| StorageError::Unavailable)?
            }
        };
        self.entered.push(lane);
        Ok(())
    }

    fn held<A: Persisted>(&self, key: LaneKey) -> Option<A> {
        let saved = self.saved.iter().find(|saved| saved.key == key)?;
        let any: &dyn Any = &*saved.aggregate;
        any.downcast_ref::<A>().cloned()
    }
}

impl<E: Send> UnitOfWork for PgUnitOfWork<E> {
    fn publish<M: IntegrationEvent>(&mut self, event: &M) {
        match avro::encode(event) {
            Ok((_, body)) if body.len() > MESSAGE_BYTES => {
                self.defect = Some(StorageError::TooLarge { bytes: body.len(), limit: MESSAGE_BYTES });
            }
            Ok((record, body)) => self.messages.push(OutboxMessage {
                id: Uuid::now_v7(),
                topic: M::TOPIC,
                kind: M::TYPE,
                key: event.key(),
                aggregate_version: event.aggregate_version(),
                time: self.time,
                cause: Arc::clone(&self.cause),
                fingerprint: record.fingerprint,
                body,
            }),
            Err(error) => self.defect = Some(StorageError::Defect(error.to_string())),
        }
    }
}

impl<E: Send> RecordedEvents<E> for PgUnitOfWork<E> {
    fn drain(&mut self) -> Vec<E> {
        std::mem::take(&mut self.events)
    }

    fn has_more(&self) -> bool {
        self.has_more
    }
}

impl<E: Send, A: Persisted> Load<A> for PgUnitOfWork<E> {
    async fn load(&mut self, id: A::Id) -> Result<Option<A>, StorageError> {
        let key = (TypeId::of::<A>(), id.uuid());
        if let Some(held) = self.held(key) {
            return Ok(Some(held));
        }
        self.enter(key).await?;
        committed(&self.loaders.of(), key.1, self.until()).await
    }
}

/// Returns the committed state of an aggregate. Its lane must be entered.
async fn committed<A: Persisted>(
    reads: &Reads<A::Rows>,
    id: Uuid,
    deadline: Instant,
) -> Result<Option<A>, StorageError> {
    let rows = timeout_at(deadline, reads.by_id(id)).await.unwrap_or(Err(ReadError::Unavailable))?;
    let restored = rows.map(A::try_from).transpose();
    restored.map_err(|error| StorageError::Defect(format!("the rows of {id} cannot be restored: {error}")))
}

impl<E: Send, S: FindIds> Find<S> for PgUnitOfWork<E> {
    /// Finds the ids, then loads each aggregate after its lane is entered: it may have changed since it was found.
    async fn find(&mut self, which: S) -> Result<Vec<S::Of>, StorageError> {
        let (kind, which) = (TypeId::of::<S::Of>(), Arc::new(which));
        let one_more = i64::try_from(REACTION_BATCH).unwrap_or(i64::MAX).saturating_add(1);
        let found_ids = timeout_at(self.until(), self.loaders.find(Arc::clone(&which), one_more));
        let mut ids = found_ids.await.unwrap_or(Err(ReadError::Unavailable))?;
        ids.extend(self.saved.iter().map(|saved| saved.key).filter(|key| key.0 == kind).map(|key| key.1));
        ids.sort_unstable();
        ids.dedup();
        for id in &ids {
            self.enter((kind, *id)).await?;
        }
        let held: Vec<S::Of> = ids.iter().filter_map(|id| self.held((kind, *id))).collect();
        ids.retain(|id| held.iter().all(|one| one.id().uuid() != *id));
        let reads = self.loaders.of();
        let until = self.until();
        let rest = try_join_all(ids.into_iter().map(|id| committed::<S::Of>(&reads, id, until))).await?;
        let seen = held.into_iter().chain(rest.into_iter().flatten());
        let mut found: Vec<S::Of> = seen.filter(|one| which.is_satisfied_by(one)).collect();
        found.sort_unstable_by_key(|aggregate| aggregate.id().uuid());
        self.has_more |= found.len() > REACTION_BATCH;
        found.truncate(REACTION_BATCH);
        Ok(found)
    }
}

impl<E: Send, A: Persisted<Event: Into<E>>> Save<A> for PgUnitOfWork<E> {
    fn save(&mut self, mut aggregate: A) {
        let key = (TypeId::of::<A>(), aggregate.id().uuid());
        let version = stored_version(aggregate.version());
        let events = aggregate.take_events();
        let expected = version.saturating_sub(i32::try_from(events.len()).unwrap_or(i32::MAX));
        self.events.extend(events.into_iter().map(Into::into));
        let aggregate = Box::new(aggregate);
        match self.saved.iter_mut().find(|saved| saved.key == key) {
            Some(saved) => saved.aggregate = aggregate,
            None => self.saved.push(SavedAggregate { key, expected, aggregate }),
        }
    }
}

impl<E: Send, M: PersistedReadModel> Project<M> for PgUnitOfWork<E> {
    fn project(&mut self, row: M) {
        self.projected.push(Change::projection(M::Row::from(row)));
    }
}
