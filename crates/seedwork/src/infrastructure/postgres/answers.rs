//! Answers to many who wait for them on other threads, at the price of one wake-up a thread.
//!
//! A runtime of a single thread, which each worker of the HTTP server has, is woken by a system call for every task that
//! another thread wakes. Reads and commits are answered by the hundred, so each of these threads has a task of its own
//! that is woken once for all of them and hands them out where a wake-up costs nothing.

use crate::infrastructure::supervise;
use std::cell::RefCell;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{mpsc, oneshot},
};

/// Someone who waits for an answer.
pub(super) struct Asker<T> {
    answer: oneshot::Sender<T>,
    home: Option<Home>,
}

/// What the one who waits waits for; an error when it will never come.
pub(super) type Answer<T> = oneshot::Receiver<T>;

/// Whether what runs here has a thread of its own, with a runtime that is woken at a price.
pub(super) fn is_alone() -> bool {
    Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// Asks, on the thread that will wait.
pub(super) fn ask<T>() -> (Asker<T>, Answer<T>) {
    let (answer, wait) = oneshot::channel();
    (Asker { answer, home: Home::here() }, wait)
}

impl<T> Asker<T> {
    /// Whether nobody waits any more.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }
}

/// Answers, each with the way to the one who waits for it.
type Letter<T> = Vec<(oneshot::Sender<T>, T)>;

/// Answers everybody.
pub(super) fn deliver<T: Send + 'static>(answers: impl IntoIterator<Item = (Asker<T>, T)>) {
    let mut letters: Vec<(Home, Letter<T>)> = Vec::new();
    for (Asker { answer, home }, value) in answers {
        match home {
            // Nobody may wait any more: then nobody misses it.
            None => drop(answer.send(value)),
            Some(home) => match letters.iter_mut().find(|(known, _)| known.0.same_channel(&home.0)) {
                Some((_, letter)) => letter.push((answer, value)),
                None => letters.push((home, vec![(answer, value)])),
            },
        }
    }
    for (Home(post), letter) in letters {
        let hand_out = move || letter.into_iter().for_each(|(answer, value)| drop(answer.send(value)));
        // Refused only when the thread's runtime has ended, and with it those who waited.
        let _ = post.send(Box::new(hand_out));
    }
}

/// The way to the one who hands answers out on a thread.
#[derive(Clone)]
struct Home(mpsc::UnboundedSender<Box<dyn FnOnce() + Send>>);

thread_local! {
    static HERE: RefCell<Option<Home>> = const { RefCell::new(None) };
}

impl Home {
    /// Of this thread; none in a runtime of several threads, whose tasks wander and are woken at no price.
    fn here() -> Option<Self> {
        is_alone().then(|| {
            HERE.with_borrow_mut(|here| match here {
                Some(home) if !home.0.is_closed() => home.clone(),
                _ => here.insert(Self::found()).clone(),
            })
        })
    }

    fn found() -> Self {
        let (post, mut letters) = mpsc::unbounded_channel::<Box<dyn FnOnce() + Send>>();
        supervise::drive(async move {
            while let Some(hand_out) = letters.recv().await {
                hand_out();
            }
        });
        Self(post)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::thread;

    async fn asked_and_answered_elsewhere() {
        for _ in 0..3 {
            let (askers, answers): (Vec<_>, Vec<_>) = (0..100).map(|_| ask()).unzip();
            let other = thread::spawn(|| deliver(askers.into_iter().zip(0..)));
            let answered: Vec<i32> = join_all(answers).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(answered, (0..100).collect::<Vec<_>>());
            other.join().unwrap();
        }
    }

    #[tokio::test]
    async fn everybody_on_a_thread_of_its_own_is_answered() {
        asked_and_answered_elsewhere().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everybody_among_several_threads_is_answered() {
        asked_and_answered_elsewhere().await;
    }

    #[test]
    fn a_thread_whose_runtime_ended_has_another_one_later() {
        let run = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (left, _) = run().block_on(async { ask() });
        run().block_on(asked_and_answered_elsewhere());
        deliver([(left, 0)]);
    }

    #[tokio::test]
    async fn who_does_not_wait_any_more_is_seen() {
        let (asker, answer) = ask::<()>();
        assert!(!asker.is_gone());
        drop(answer);
        assert!(asker.is_gone());
    }
}
