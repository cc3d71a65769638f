//! The end of a context's log and the room in it.

/// The end of a context's log, as this process knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogState {
    /// The number of the last message.
    pub last: i64,
    /// The number of messages for which the partitions still have room.
    pub room: i64,
}

impl LogState {
    /// The highest number for which there is a partition.
    pub(super) fn until(self) -> i64 {
        self.last + self.room
    }
}
