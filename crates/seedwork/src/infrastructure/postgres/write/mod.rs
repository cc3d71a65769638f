//! The write side: units of work, lanes, the group committer, the log and the inbox.

pub(super) mod committer;
pub(super) mod inbox;
mod lanes;
pub(super) mod outbox;
pub(super) mod partitions;
pub(super) mod unit_of_work;
