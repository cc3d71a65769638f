//! The end of a context's log and the room in it.

/// The end of a context's log, as this process knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogState {
    /// The number of the last message that this process has seen: by a commit, or when its session was opened.
    pub last: i64,
    /// The number of messages for which the partitions still have room.
    pub room: i64,
}

impl LogState {
    /// Returns the highest number for which there is a partition.
    pub fn until(self) -> i64 {
        self.last + self.room
    }
}
