//! Replies to callers that wait on other threads, at the price of one wake-up a thread.
//!
//! A runtime of a single thread, which each worker of the HTTP server has, is woken by a system call for every task
//! that another thread wakes. Reads and commits are answered by the hundred. So each of these threads has a mailbox: a
//! task that is woken once for all replies to its thread, and sends each of them where a wake-up costs nothing.

use crate::infrastructure::supervise;
use std::cell::RefCell;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{mpsc, oneshot},
};

/// The sending half of a reply. It remembers the thread on which the caller waits.
pub(super) struct ReplySender<T> {
    value: oneshot::Sender<T>,
    mailbox: Option<ThreadMailbox>,
}

/// The receiving half of a reply. An error means that the reply will never come.
pub(super) type ReplyReceiver<T> = oneshot::Receiver<T>;

/// Returns true on a thread with a runtime of its own, whose wake-ups from other threads cost a system call.
pub(super) fn has_own_runtime() -> bool {
    Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// Creates a reply. Call it on the thread that will wait.
pub(super) fn channel<T>() -> (ReplySender<T>, ReplyReceiver<T>) {
    let (value, receiver) = oneshot::channel();
    (ReplySender { value, mailbox: ThreadMailbox::of_this_thread() }, receiver)
}

impl<T> ReplySender<T> {
    /// Returns true if nobody waits any more.
    pub(super) fn is_closed(&self) -> bool {
        self.value.is_closed()
    }
}

/// The replies to one thread.
type ReplyBatch<T> = Vec<(oneshot::Sender<T>, T)>;

/// Sends all replies, those to the same thread together.
pub(super) fn deliver<T: Send + 'static>(replies: impl IntoIterator<Item = (ReplySender<T>, T)>) {
    let mut batches: Vec<(ThreadMailbox, ReplyBatch<T>)> = Vec::new();
    for (ReplySender { value: sender, mailbox }, value) in replies {
        match mailbox {
            // An error means that the caller has stopped waiting.
            None => drop(sender.send(value)),
            Some(mailbox) => match batches.iter_mut().find(|(known, _)| known.0.same_channel(&mailbox.0)) {
                Some((_, batch)) => batch.push((sender, value)),
                None => batches.push((mailbox, vec![(sender, value)])),
            },
        }
    }
    for (ThreadMailbox(mailbox), batch) in batches {
        let send_all = move || batch.into_iter().for_each(|(sender, value)| drop(sender.send(value)));
        // An error means that the thread's runtime has ended, and its callers with it.
        let _ = mailbox.send(Box::new(send_all));
    }
}

/// Runs the batches that other threads deliver to this thread.
#[derive(Clone)]
struct ThreadMailbox(mpsc::UnboundedSender<Box<dyn FnOnce() + Send>>);

thread_local! {
    static MAILBOX: RefCell<Option<ThreadMailbox>> = const { RefCell::new(None) };
}

impl ThreadMailbox {
    /// Returns this thread's mailbox. Tasks of a runtime with several threads need none: waking them costs nothing, and
    /// they change threads.
    fn of_this_thread() -> Option<Self> {
        has_own_runtime().then(|| {
            MAILBOX.with_borrow_mut(|here| match here {
                Some(mailbox) if !mailbox.0.is_closed() => mailbox.clone(),
                _ => here.insert(Self::open()).clone(),
            })
        })
    }

    fn open() -> Self {
        let (sender, mut batches) = mpsc::unbounded_channel::<Box<dyn FnOnce() + Send>>();
        supervise::drive(async move {
            while let Some(send_all) = batches.recv().await {
                send_all();
            }
        });
        Self(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::thread;

    async fn replies_from_another_thread() {
        for _ in 0..3 {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| channel()).unzip();
            let other = thread::spawn(|| deliver(senders.into_iter().zip(0..)));
            let received: Vec<i32> = join_all(receivers).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(received, (0..100).collect::<Vec<_>>());
            other.join().unwrap();
        }
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_receives_every_reply() {
        replies_from_another_thread().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_runtime_of_several_threads_receives_every_reply() {
        replies_from_another_thread().await;
    }

    #[test]
    fn the_next_runtime_of_a_thread_gets_a_mailbox_of_its_own() {
        let run = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (left, _) = run().block_on(async { channel() });
        run().block_on(replies_from_another_thread());
        deliver([(left, 0)]);
    }

    #[tokio::test]
    async fn a_sender_is_closed_once_nobody_waits() {
        let (sender, receiver) = channel::<()>();
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
    }
}
