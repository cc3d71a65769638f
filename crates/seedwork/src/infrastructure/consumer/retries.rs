//! The messages that are being retried. Those retried for over a minute are logged, counted and part of readiness.

use super::ConsumerState;
use crate::infrastructure::broker::Partition;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// The time after which a retried message is reported to operators.
const LONG: Duration = Duration::from_secs(60);
/// The interval between two counts.
const COUNT: Duration = Duration::from_secs(1);
/// The shortest interval between two log lines.
const LOG: Duration = Duration::from_secs(60);

/// The messages that are retried.
#[derive(Default)]
pub(super) struct Retries(Mutex<HashMap<(Partition, i64), Retried>>);

#[derive(Clone)]
struct Retried {
    since: Instant,
    reason: String,
}

/// A message that is listed in [`Retries`] until this is dropped.
pub(super) struct Retry<'a> {
    all: &'a Retries,
    message: (Partition, i64),
}

/// The messages that have been retried for longer than [`LONG`]: their number, and the oldest of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overdue {
    count: usize,
    partition: Partition,
    offset: i64,
    age: Duration,
    reason: String,
}

impl Retries {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Partition, i64), Retried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message that has been retried since `since`.
    pub(super) fn enter(&self, partition: &Partition, offset: i64, since: Instant) -> Retry<'_> {
        let message = (partition.clone(), offset);
        self.lock().insert(message.clone(), Retried { since, reason: String::new() });
        Retry { all: self, message }
    }

    /// Returns the messages that are overdue at `now`, if there are any.
    fn overdue(&self, now: Instant) -> Option<Overdue> {
        let all = self.lock();
        let overdue = || all.iter().filter(|(_, retried)| now - retried.since > LONG);
        let ((partition, offset), Retried { since, reason }) = overdue().min_by_key(|(_, retried)| retried.since)?;
        let (age, reason) = (now - *since, reason.clone());
        Some(Overdue { count: overdue().count(), partition: partition.clone(), offset: *offset, age, reason })
    }
}

impl Retry<'_> {
    /// Notes the reason of the last failure.
    pub(super) fn because(&self, reason: String) {
        if let Some(retried) = self.all.lock().get_mut(&self.message) {
            retried.reason = reason;
        }
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.message);
    }
}

impl Retries {
    /// Counts the overdue messages every [`COUNT`] and logs them. Never returns.
    pub(super) async fn watch(&self, context: &str, state: &watch::Sender<ConsumerState>) {
        let gauge = metrics::gauge!("sta_retried_for_long", "context" => context.to_owned());
        let mut logged: Option<Instant> = None;
        loop {
            let overdue = self.overdue(Instant::now());
            let count = overdue.as_ref().map_or(0, |overdue| overdue.count);
            gauge.set(count as f64);
            state.send_if_modified(|state| std::mem::replace(&mut state.retrying, count) != count);
            if let Some(Overdue { partition, offset, age, reason, .. }) = overdue
                && logged.is_none_or(|logged| logged.elapsed() >= LOG)
            {
                let Partition { topic, number } = partition;
                tracing::warn!(
                    context, messages = count, %topic, partition = number, offset, age_seconds = age.as_secs(), reason,
                    "messages have been retried for over a minute"
                );
                logged = Some(Instant::now());
            }
            tokio::time::sleep(COUNT).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_retried_for_over_a_minute_is_part_of_the_state() {
        let (retries, partition) = (Retries::default(), Partition { topic: "t".into(), number: 1 });
        let (state, mut seen) = watch::channel(ConsumerState::default());
        let start = Instant::now();
        let retry = retries.enter(&partition, 7, start);
        tokio::select! {
            () = retries.watch("pruebas", &state) => {}
            told = seen.wait_for(|state| state.retrying == 1) => drop(told.unwrap()),
        }
        assert!((LONG..LONG + COUNT * 2).contains(&start.elapsed()), "after {:?}", start.elapsed());
        drop(retry);
        tokio::select! {
            () = retries.watch("pruebas", &state) => {}
            told = seen.wait_for(|state| state.retrying == 0) => drop(told.unwrap()),
        }
    }

    #[test]
    fn a_message_is_overdue_after_a_minute_until_it_is_settled() {
        let (retries, start) = (Retries::default(), Instant::now());
        let partition = Partition { topic: "t".into(), number: 1 };
        let [first, second] =
            [7, 8].map(|offset| retries.enter(&partition, offset, start + COUNT.mul_f64(offset as f64)));
        first.because("the database is away".into());
        assert_eq!(retries.overdue(start + LONG), None);
        let overdue = retries.overdue(start + LONG + COUNT * 10).unwrap();
        assert_eq!((overdue.count, overdue.offset, overdue.age), (2, 7, LONG + COUNT * 3));
        assert_eq!(overdue.reason, "the database is away");
        drop(first);
        assert_eq!(retries.overdue(start + LONG + COUNT * 10).map(|overdue| overdue.offset), Some(8));
        drop(second);
        assert_eq!(retries.overdue(start + LONG * 2), None);
    }
}
