//! The slots of threads that have batch loaders of their own. Their number is the context's share of the connections.

use crate::infrastructure::{
    postgres::connection::{database::Database, pool::Pool},
    supervise::Supervisor,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::ThreadId,
    time::Duration,
};

/// Everything that the loaders of one thread share: one connection, a time limit and a supervisor.
pub(super) struct LoaderSlot {
    pub(super) pool: Pool,
    pub(super) deadline: Duration,
    pub(super) supervisor: Supervisor,
}

/// The slots of a context.
pub(super) struct LoaderSlots {
    pub(super) database: Database,
    deadline: Duration,
    supervisor: Supervisor,
    pub(super) shared: Arc<LoaderSlot>,
    /// The slots of threads with loaders of their own. A slot lives as long as its loaders, which end with their
    /// thread's runtime.
    own: Mutex<Vec<(ThreadId, Weak<LoaderSlot>)>>,
}

impl LoaderSlots {
    pub(super) fn new(database: Database, deadline: Duration, supervisor: Supervisor) -> Self {
        let shared = Arc::new(LoaderSlot { pool: database.by_id_pool(), deadline, supervisor: supervisor.clone() });
        Self { database, deadline, supervisor, shared, own: Mutex::default() }
    }

    fn own(&self) -> MutexGuard<'_, Vec<(ThreadId, Weak<LoaderSlot>)>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the slot of a thread. None if the context's share of connections is used up.
    pub(super) fn of(&self, thread: ThreadId) -> Option<Arc<LoaderSlot>> {
        let mut own = self.own();
        own.retain(|(_, slot)| slot.strong_count() > 0);
        if let Some(slot) = own.iter().find(|(known, _)| *known == thread).and_then(|(_, slot)| slot.upgrade()) {
            return Some(slot);
        }
        if own.len() >= self.database.share().threads {
            return None;
        }
        let pool = self.database.by_id_pool();
        let slot = Arc::new(LoaderSlot { pool, deadline: self.deadline, supervisor: self.supervisor.clone() });
        own.push((thread, Arc::downgrade(&slot)));
        Some(slot)
    }

    pub(super) fn close_idle(&self) {
        self.database.list_pool().close_idle();
        self.shared.pool.close_idle();
        self.own().iter().filter_map(|(_, slot)| slot.upgrade()).for_each(|slot| slot.pool.close_idle());
    }
}
