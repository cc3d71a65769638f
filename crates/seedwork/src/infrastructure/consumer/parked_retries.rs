//! The parked messages that are being retried: one a key, limited in number and in bytes.

use super::{in_flight_limit::InFlightLimit, key_queues::MessageKey};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most parked messages that are retried at the same time.
pub(super) const MAX_MESSAGES: usize = 200;
/// The number of their bytes above which no further message is retried.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The retries in progress. Messages are known by `n`, the key of their row in `parked`.
pub(super) struct ParkedRetries {
    by_key: Mutex<HashMap<MessageKey, i64>>,
    pub(super) limit: InFlightLimit,
    /// Held while a successor is read: one at a time, so that the limit is not exceeded.
    pub(super) successor_lock: tokio::sync::Mutex<()>,
}

impl ParkedRetries {
    pub(super) fn new() -> Self {
        let limit = InFlightLimit::new(MAX_MESSAGES, MAX_BYTES);
        Self { by_key: Mutex::default(), limit, successor_lock: tokio::sync::Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageKey, i64>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to retry a message. Returns false if another one of its key is being retried.
    pub(super) fn start(&self, key: MessageKey, n: i64) -> bool {
        match self.lock().entry(key) {
            Entry::Vacant(free) => {
                free.insert(n);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Continues with the next message of the same key.
    pub(super) fn advance(&self, key: &MessageKey, n: i64) {
        self.lock().insert(key.clone(), n);
    }

    pub(super) fn finish(&self, key: &MessageKey) {
        self.lock().remove(key);
    }

    /// Forgets the retries of an earlier subscription.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn in_progress(&self) -> Vec<i64> {
        self.lock().values().copied().collect()
    }
}
