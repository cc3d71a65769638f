//! The parked messages that are being retried: one a key, bounded in number and in bytes.

use super::{lanes::Lane, window::Window};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most messages that are tried at once.
pub(super) const MESSAGES: usize = 200;
/// The number of their bytes above which no further message is tried.
pub(super) const BYTES: usize = 4 * 1024 * 1024;

/// The parked messages that are being tried.
pub(super) struct Trying {
    lanes: Mutex<HashMap<Lane, i64>>,
    pub(super) window: Window,
    /// The lock under which a successor is read: one at a time, so that the window is not exceeded.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Trying {
    pub(super) fn new() -> Self {
        let window = Window::new(MESSAGES, BYTES);
        Self { lanes: Mutex::default(), window, turn: tokio::sync::Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, i64>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to try a message. Returns false if another one of its key is being tried.
    pub(super) fn begin(&self, lane: Lane, n: i64) -> bool {
        match self.lock().entry(lane) {
            Entry::Vacant(free) => {
                free.insert(n);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Goes on with the next message of the same key.
    pub(super) fn follow(&self, lane: &Lane, n: i64) {
        self.lock().insert(lane.clone(), n);
    }

    pub(super) fn end(&self, lane: &Lane) {
        self.lock().remove(lane);
    }

    /// Forgets what an earlier subscription tried.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn all(&self) -> Vec<i64> {
        self.lock().values().copied().collect()
    }
}
