//! The limit on messages in flight, from reading to settling, in number and in bytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::sync::Notify;

/// Limits the messages in flight. Each of them holds a permit.
pub(super) struct InFlightLimit {
    max_messages: usize,
    max_bytes: usize,
    usage: Arc<InFlightCounters>,
}

#[derive(Debug, Default)]
struct InFlightCounters {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    freed: Notify,
}

/// The room that one message takes. Dropping it gives the room back.
#[derive(Debug)]
pub(super) struct InFlightPermit {
    usage: Arc<InFlightCounters>,
    bytes: usize,
}

impl InFlightLimit {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self { max_messages, max_bytes, usage: Arc::default() }
    }

    /// Returns the number of messages and of bytes for which there is room.
    pub(super) fn remaining(&self) -> (usize, usize) {
        let (messages, bytes) = (self.usage.messages.load(Relaxed), self.usage.bytes.load(Relaxed));
        (self.max_messages.saturating_sub(messages), self.max_bytes.saturating_sub(bytes))
    }

    /// Waits until there is room, for a single reader. The batch that it reads then may exceed the limit: the size of
    /// a message is not known before it is read.
    pub(super) async fn wait_for_room(&self) {
        while matches!(self.remaining(), (0, _) | (_, 0)) {
            self.usage.freed.notified().await;
        }
    }

    /// Admits a message of `bytes` bytes, also beyond the limit.
    pub(super) fn admit(&self, bytes: usize) -> InFlightPermit {
        self.usage.messages.fetch_add(1, Relaxed);
        self.usage.bytes.fetch_add(bytes, Relaxed);
        InFlightPermit { usage: Arc::clone(&self.usage), bytes }
    }
}

impl InFlightPermit {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        self.usage.messages.fetch_sub(1, Relaxed);
        self.usage.bytes.fetch_sub(self.bytes, Relaxed);
        self.usage.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn has_room(limit: &InFlightLimit) -> bool {
        limit.wait_for_room().now_or_never().is_some()
    }

    #[tokio::test]
    async fn messages_in_flight_are_limited_in_number_and_in_bytes() {
        let limit = InFlightLimit::new(1_000, 16 << 20);
        let large: Vec<_> = (0..16).map(|_| limit.admit(1024 * 1024)).collect();
        assert!(!has_room(&limit), "16 MiB are in flight");
        drop(large);
        let small: Vec<_> = (0..1_000).map(|_| limit.admit(1)).collect();
        assert!(!has_room(&limit), "1,000 messages are in flight");
        drop(small);
        assert!(has_room(&limit));
    }

    #[tokio::test]
    async fn a_reader_that_waits_goes_on_as_soon_as_there_is_room() {
        let limit = InFlightLimit::new(1_000, 16 << 20);
        let mut all: Vec<_> = (0..20).map(|_| limit.admit(1024 * 1024)).collect();
        let mut reader = std::pin::pin!(limit.wait_for_room());
        while all.len() > 16 {
            all.pop();
            assert!(reader.as_mut().now_or_never().is_none(), "{} MiB are in flight", all.len());
        }
        all.pop();
        assert!(reader.now_or_never().is_some());
    }
}
