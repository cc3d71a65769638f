//! Lanes: one lock for each aggregate, with a queue. Commands on one aggregate run one after another in a process, so a
//! version conflict is always a race between processes.

use std::{
    any::TypeId,
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// The type and the id of an aggregate.
pub(super) type LaneKey = (TypeId, Uuid);

/// The lanes that are held, each with its waiters.
#[derive(Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<LaneKey, VecDeque<oneshot::Sender<Lane>>>>>);

/// A held lane. Dropping it hands the lane to the next waiter.
pub(super) struct Lane {
    key: LaneKey,
    lanes: Lanes,
}

impl Lanes {
    /// Enters a lane. Waiters enter in the order of their calls.
    pub(super) async fn enter(&self, key: LaneKey) -> Lane {
        let turn = {
            let mut taken = self.lock();
            match taken.entry(key) {
                Entry::Vacant(free) => {
                    free.insert(VecDeque::new());
                    return Lane { key, lanes: self.clone() };
                }
                Entry::Occupied(mut waiting) => {
                    let (turn, wait) = oneshot::channel();
                    waiting.get_mut().push_back(turn);
                    wait
                }
            }
        };
        // The sender is dropped without a lane only if the process ends.
        turn.await.unwrap_or(Lane { key, lanes: Self::default() })
    }

    /// Enters a lane if it is free.
    pub(super) fn try_enter(&self, key: LaneKey) -> Option<Lane> {
        match self.lock().entry(key) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                Some(Lane { key, lanes: self.clone() })
            }
            Entry::Occupied(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaneKey, VecDeque<oneshot::Sender<Lane>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    pub(super) fn key(&self) -> LaneKey {
        self.key
    }
}

impl Drop for Lane {
    /// Hands the lane to the first waiter that still waits.
    fn drop(&mut self) {
        let next = {
            let mut taken = self.lanes.lock();
            let Some(waiting) = taken.get_mut(&self.key) else { return };
            let next = std::iter::from_fn(|| waiting.pop_front()).find(|turn| !turn.is_closed());
            if next.is_none() {
                taken.remove(&self.key);
            }
            next
        };
        if let Some(turn) = next {
            // An error means that the waiter has just given up. Dropping the returned lane hands it on.
            drop(turn.send(Lane { key: self.key, lanes: self.lanes.clone() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, poll};
    use std::pin::pin;

    fn key(n: u128) -> LaneKey {
        (TypeId::of::<()>(), Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn waiters_enter_a_lane_in_their_order() {
        let lanes = Lanes::default();
        let held = lanes.enter(key(1)).await;
        let mut second = pin!(lanes.enter(key(1)));
        let mut third = pin!(lanes.enter(key(1)));
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut third).is_pending());
        drop(held);
        assert!(poll!(&mut third).is_pending());
        let second = second.now_or_never().expect("the second waiter is next");
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_does_not_keep_the_lane() {
        let lanes = Lanes::default();
        let held = lanes.enter(key(1)).await;
        {
            let mut gone = pin!(lanes.enter(key(1)));
            assert!(poll!(&mut gone).is_pending());
        }
        let mut last = pin!(lanes.enter(key(1)));
        assert!(poll!(&mut last).is_pending());
        drop(held);
        assert!(last.now_or_never().is_some());
        assert!(lanes.lock().is_empty(), "a lane that nobody holds is removed");
    }

    #[tokio::test]
    async fn lanes_of_different_aggregates_do_not_wait_for_each_other() {
        let lanes = Lanes::default();
        let _held = lanes.enter(key(1)).await;
        assert!(lanes.try_enter(key(1)).is_none());
        assert!(lanes.try_enter(key(2)).is_some());
    }
}
