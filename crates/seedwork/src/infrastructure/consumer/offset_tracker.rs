//! The offsets of the partitions that are assigned to this process. From them follow the positions that are stored.

use crate::infrastructure::broker::Partition;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Tracks the messages of each partition that are read and not yet settled.
#[derive(Clone, Default)]
pub(super) struct OffsetTracker(Arc<Mutex<HashMap<Partition, OpenOffsets>>>);

#[derive(Default)]
struct OpenOffsets {
    /// The offset after the last message that was read.
    next: i64,
    /// The offsets of messages that are read and not settled.
    open: BTreeSet<i64>,
    /// The position in the database.
    stored: i64,
    /// The generation in which the partition was assigned.
    generation: u64,
    /// True while the partition is being revoked. Its messages in flight may still be settled.
    revoking: bool,
}

impl OpenOffsets {
    /// The offset below which all messages are settled.
    fn position(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.next)
    }
}

impl OffsetTracker {
    fn lock(&self) -> MutexGuard<'_, HashMap<Partition, OpenOffsets>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn assign(&self, partition: Partition, position: i64, generation: u64) {
        let offsets =
            OpenOffsets { next: position, open: BTreeSet::new(), stored: position, generation, revoking: false };
        self.lock().insert(partition, offsets);
    }

    /// Begins to revoke a partition: no further message of it is accepted.
    pub(super) fn begin_revocation(&self, partition: &Partition) {
        if let Some(offsets) = self.lock().get_mut(partition) {
            offsets.revoking = true;
        }
    }

    pub(super) fn remove(&self, partition: &Partition) {
        self.lock().remove(partition);
    }

    /// Records a message read in `generation`. Returns false if the partition was revoked since, or revoked and
    /// reassigned.
    pub(super) fn record_read(&self, partition: &Partition, offset: i64, generation: u64) -> bool {
        let mut all = self.lock();
        let is_current = |offsets: &&mut OpenOffsets| offsets.generation <= generation && !offsets.revoking;
        let Some(offsets) = all.get_mut(partition).filter(is_current) else { return false };
        offsets.next = offset + 1;
        offsets.open.insert(offset)
    }

    pub(super) fn settle(&self, partition: &Partition, offset: i64) {
        if let Some(offsets) = self.lock().get_mut(partition) {
            offsets.open.remove(&offset);
        }
    }

    /// Returns true if a partition is assigned to this process and not being revoked.
    pub(super) fn is_assigned(&self, partition: &Partition) -> bool {
        self.lock().get(partition).is_some_and(|offsets| !offsets.revoking)
    }

    /// Returns the position of each assigned partition.
    pub(super) fn positions(&self) -> Vec<(Partition, i64)> {
        let all = self.lock();
        let assigned = all.iter().filter(|(_, offsets)| !offsets.revoking);
        assigned.map(|(partition, offsets)| (partition.clone(), offsets.position())).collect()
    }

    /// Returns the assigned partitions.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let all = self.lock();
        all.iter().filter(|(_, offsets)| !offsets.revoking).map(|(partition, _)| partition.clone()).collect()
    }

    /// Removes every partition.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Returns the positions that are ahead of the database, also of partitions that are being revoked.
    pub(super) fn unstored(&self) -> Vec<(Partition, i64)> {
        let all = self.lock();
        let unstored = all.iter().filter(|(_, offsets)| offsets.stored < offsets.position());
        unstored.map(|(partition, offsets)| (partition.clone(), offsets.position())).collect()
    }

    pub(super) fn set_stored(&self, positions: &[(Partition, i64)]) {
        let mut all = self.lock();
        for (partition, position) in positions {
            if let Some(offsets) = all.get_mut(partition) {
                offsets.stored = offsets.stored.max(*position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_read_before_a_revocation_is_stale_after_the_reassignment() {
        let (tracker, partition) = (OffsetTracker::default(), Partition { topic: "t".into(), number: 0 });
        tracker.assign(partition.clone(), 50, 1);
        assert!(tracker.record_read(&partition, 50, 1));
        tracker.remove(&partition);
        assert!(!tracker.record_read(&partition, 60, 2));
        tracker.assign(partition.clone(), 50, 3);
        assert!(!tracker.record_read(&partition, 60, 2), "it would come before those from 50 on");
        assert!(tracker.record_read(&partition, 50, 3));
        tracker.settle(&partition, 50);
        assert_eq!(tracker.positions(), [(partition, 51)]);
    }

    #[test]
    fn a_message_settled_during_a_revocation_moves_the_position_to_store() {
        let (tracker, partition) = (OffsetTracker::default(), Partition { topic: "t".into(), number: 0 });
        tracker.assign(partition.clone(), 50, 1);
        assert!(tracker.record_read(&partition, 50, 1));
        tracker.begin_revocation(&partition);
        assert!(!tracker.is_assigned(&partition));
        assert!(!tracker.record_read(&partition, 51, 1), "no further message is accepted");
        tracker.settle(&partition, 50);
        assert_eq!(tracker.unstored(), [(partition, 51)]);
    }
}
