//! How far the partitions that this process hears have come.

use crate::infrastructure::broker::Partition;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What of each partition is read and not yet settled.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<Mutex<HashMap<Partition, Open>>>);

#[derive(Default)]
struct Open {
    /// The offset after the last message that was read.
    next: i64,
    /// The messages that are read and not settled.
    open: BTreeSet<i64>,
    /// How far the database knows that everything is settled.
    noted: i64,
    /// The turn of the reader in which it was gained.
    since: u64,
    /// True if nothing more is read of the partition. Its messages in work are settled, or given up.
    leaving: bool,
}

impl Open {
    fn settled(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.next)
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, HashMap<Partition, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn gain(&self, partition: Partition, next: i64, since: u64) {
        self.lock().insert(partition, Open { next, open: BTreeSet::new(), noted: next, since, leaving: false });
    }

    /// Stops reading a partition. Its messages in work may still be settled.
    pub(super) fn leave(&self, partition: &Partition) {
        if let Some(open) = self.lock().get_mut(partition) {
            open.leaving = true;
        }
    }

    /// Forgets a partition.
    pub(super) fn lose(&self, partition: &Partition) {
        self.lock().remove(partition);
    }

    /// A message was read in a turn; no, when the partition is not heard here any more, or only again since a later one.
    pub(super) fn read(&self, partition: &Partition, offset: i64, turn: u64) -> bool {
        let mut all = self.lock();
        let Some(open) = all.get_mut(partition).filter(|open| open.since <= turn && !open.leaving) else {
            return false;
        };
        open.next = offset + 1;
        open.open.insert(offset)
    }

    pub(super) fn settle(&self, partition: &Partition, offset: i64) {
        if let Some(open) = self.lock().get_mut(partition) {
            open.open.remove(&offset);
        }
    }

    /// Returns true if the partition is assigned to this process.
    pub(super) fn is_assigned(&self, partition: &Partition) -> bool {
        self.lock().get(partition).is_some_and(|open| !open.leaving)
    }

    /// Returns the offset below which everything is settled, for each partition that this process reads.
    pub(super) fn all(&self) -> Vec<(Partition, i64)> {
        let all = self.lock();
        let consumed = all.iter().filter(|(_, open)| !open.leaving);
        consumed.map(|(partition, open)| (partition.clone(), open.settled())).collect()
    }

    /// Returns the partitions that this process reads.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let all = self.lock();
        all.iter().filter(|(_, open)| !open.leaving).map(|(partition, _)| partition.clone()).collect()
    }

    /// Forgets every partition.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// What is settled and not yet noted in the database.
    pub(super) fn unnoted(&self) -> Vec<(Partition, i64)> {
        let all = self.lock();
        let unnoted = all.iter().filter(|(_, open)| open.noted < open.settled());
        unnoted.map(|(partition, open)| (partition.clone(), open.settled())).collect()
    }

    pub(super) fn noted(&self, noted: &[(Partition, i64)]) {
        let mut all = self.lock();
        for (partition, offset) in noted {
            if let Some(open) = all.get_mut(partition) {
                open.noted = open.noted.max(*offset);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_partition_was_lost_does_not_count_when_it_is_gained_again() {
        let (progress, partition) = (Progress::default(), Partition { topic: "t".into(), number: 0 });
        progress.gain(partition.clone(), 50, 1);
        assert!(progress.read(&partition, 50, 1));
        progress.lose(&partition);
        assert!(!progress.read(&partition, 60, 2));
        progress.gain(partition.clone(), 50, 3);
        assert!(!progress.read(&partition, 60, 2), "it would come before those from 50 on");
        assert!(progress.read(&partition, 50, 3));
        progress.settle(&partition, 50);
        assert_eq!(progress.all(), [(partition, 51)]);
    }

    #[test]
    fn what_is_settled_while_a_partition_leaves_is_still_noted() {
        let (progress, partition) = (Progress::default(), Partition { topic: "t".into(), number: 0 });
        progress.gain(partition.clone(), 50, 1);
        assert!(progress.read(&partition, 50, 1));
        progress.leave(&partition);
        assert!(!progress.is_assigned(&partition));
        assert!(!progress.read(&partition, 51, 1), "nothing more is read of it");
        progress.settle(&partition, 50);
        assert_eq!(progress.unnoted(), [(partition, 51)]);
    }
}
