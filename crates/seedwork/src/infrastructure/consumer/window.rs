//! The messages in work, from reading to settling, bounded in number and in bytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::sync::Notify;

/// The number and the bytes of the messages in work, with their limits.
pub(super) struct Window {
    most: (usize, usize),
    used: Arc<Used>,
}

#[derive(Debug, Default)]
struct Used {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    freed: Notify,
}

/// The place of a message in the window, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    used: Arc<Used>,
    bytes: usize,
}

impl Window {
    /// Creates an empty window with these limits.
    pub(super) fn new(messages: usize, bytes: usize) -> Self {
        Self { most: (messages, bytes), used: Arc::default() }
    }

    /// Returns the number of messages and of bytes for which there is room.
    pub(super) fn left(&self) -> (usize, usize) {
        let (messages, bytes) = (self.used.messages.load(Relaxed), self.used.bytes.load(Relaxed));
        (self.most.0.saturating_sub(messages), self.most.1.saturating_sub(bytes))
    }

    /// Waits until there is room, for a single reader. The batch that it reads then may exceed the window: the size of
    /// a message is not known before it is read.
    pub(super) async fn room(&self) {
        while matches!(self.left(), (0, _) | (_, 0)) {
            self.used.freed.notified().await;
        }
    }

    /// Adds a message of `bytes` bytes.
    pub(super) fn enter(&self, bytes: usize) -> Room {
        self.used.messages.fetch_add(1, Relaxed);
        self.used.bytes.fetch_add(bytes, Relaxed);
        Room { used: Arc::clone(&self.used), bytes }
    }
}

impl Room {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.messages.fetch_sub(1, Relaxed);
        self.used.bytes.fetch_sub(self.bytes, Relaxed);
        self.used.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn has_room(window: &Window) -> bool {
        window.room().now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_window_is_full_of_bytes_or_of_messages() {
        let window = Window::new(1_000, 16 << 20);
        let large: Vec<_> = (0..16).map(|_| window.enter(1024 * 1024)).collect();
        assert!(!has_room(&window), "16 MiB are in work");
        drop(large);
        let small: Vec<_> = (0..1_000).map(|_| window.enter(1)).collect();
        assert!(!has_room(&window), "the most messages are in work");
        drop(small);
        assert!(has_room(&window));
    }

    #[tokio::test]
    async fn a_reader_that_waits_goes_on_as_soon_as_there_is_room() {
        let window = Window::new(1_000, 16 << 20);
        let mut all: Vec<_> = (0..20).map(|_| window.enter(1024 * 1024)).collect();
        let mut reader = std::pin::pin!(window.room());
        while all.len() > 16 {
            all.pop();
            assert!(reader.as_mut().now_or_never().is_none(), "{} MiB are in work", all.len());
        }
        all.pop();
        assert!(reader.now_or_never().is_some());
    }
}
