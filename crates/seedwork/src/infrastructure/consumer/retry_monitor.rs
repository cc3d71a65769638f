//! The messages that are being retried in memory. Those retried for over a minute are logged, counted and part of
//! readiness.

use super::ConsumerState;
use crate::infrastructure::broker::Partition;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// The time after which a message that is still retried is overdue.
const OVERDUE_AFTER: Duration = Duration::from_secs(60);
/// The interval between two counts.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest interval between two log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Lists the messages that are being retried, by partition and offset.
#[derive(Default)]
pub(super) struct RetryMonitor(Mutex<HashMap<(Partition, i64), Retrying>>);

#[derive(Clone)]
struct Retrying {
    since: Instant,
    reason: String,
}

/// Keeps a message listed in a [`RetryMonitor`] until it is dropped.
pub(super) struct RetryEntry<'a> {
    monitor: &'a RetryMonitor,
    message: (Partition, i64),
}

/// The number of overdue messages, and the oldest of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overdue {
    count: usize,
    partition: Partition,
    offset: i64,
    age: Duration,
    reason: String,
}

impl RetryMonitor {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Partition, i64), Retrying>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a message that has been retried since `since`.
    pub(super) fn add(&self, partition: &Partition, offset: i64, since: Instant) -> RetryEntry<'_> {
        let message = (partition.clone(), offset);
        self.lock().insert(message.clone(), Retrying { since, reason: String::new() });
        RetryEntry { monitor: self, message }
    }

    /// Returns the messages that are overdue at `now`, if any.
    fn overdue(&self, now: Instant) -> Option<Overdue> {
        let all = self.lock();
        let overdue = || all.iter().filter(|(_, retrying)| now - retrying.since > OVERDUE_AFTER);
        let ((partition, offset), Retrying { since, reason }) = overdue().min_by_key(|(_, retrying)| retrying.since)?;
        let (age, reason) = (now - *since, reason.clone());
        Some(Overdue { count: overdue().count(), partition: partition.clone(), offset: *offset, age, reason })
    }
}

impl RetryEntry<'_> {
    /// Sets the reason of the last failure.
    pub(super) fn set_reason(&self, reason: String) {
        if let Some(retrying) = self.monitor.lock().get_mut(&self.message) {
            retrying.reason = reason;
        }
    }
}

impl Drop for RetryEntry<'_> {
    fn drop(&mut self) {
        self.monitor.lock().remove(&self.message);
    }
}

impl RetryMonitor {
    /// Counts the overdue messages once a second, and logs the oldest once a minute. Never returns.
    pub(super) async fn run(&self, context: &str, state: &watch::Sender<ConsumerState>) {
        let gauge = metrics::gauge!("sta_overdue_retries", "context" => context.to_owned());
        let mut logged: Option<Instant> = None;
        loop {
            let overdue = self.overdue(Instant::now());
            let count = overdue.as_ref().map_or(0, |overdue| overdue.count);
            gauge.set(count as f64);
            state.send_if_modified(|state| std::mem::replace(&mut state.retrying, count) != count);
            if let Some(Overdue { partition, offset, age, reason, .. }) = overdue
                && logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL)
            {
                let Partition { topic, number } = partition;
                tracing::warn!(
                    context, messages = count, %topic, partition = number, offset, age_seconds = age.as_secs(), reason,
                    "messages have been retried for over a minute"
                );
                logged = Some(Instant::now());
            }
            tokio::time::sleep(COUNT_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_retried_for_over_a_minute_is_part_of_the_state() {
        let (monitor, partition) = (RetryMonitor::default(), Partition { topic: "t".into(), number: 1 });
        let (state, mut seen) = watch::channel(ConsumerState::default());
        let start = Instant::now();
        let entry = monitor.add(&partition, 7, start);
        tokio::select! {
            () = monitor.run("engine", &state) => {}
            changed = seen.wait_for(|state| state.retrying == 1) => drop(changed.unwrap()),
        }
        assert!(
            (OVERDUE_AFTER..OVERDUE_AFTER + COUNT_INTERVAL * 2).contains(&start.elapsed()),
            "after {:?}",
            start.elapsed()
        );
        drop(entry);
        tokio::select! {
            () = monitor.run("engine", &state) => {}
            changed = seen.wait_for(|state| state.retrying == 0) => drop(changed.unwrap()),
        }
    }

    #[test]
    fn a_message_is_overdue_after_a_minute_until_it_is_settled() {
        let (monitor, start) = (RetryMonitor::default(), Instant::now());
        let partition = Partition { topic: "t".into(), number: 1 };
        let [first, second] =
            [7, 8].map(|offset| monitor.add(&partition, offset, start + COUNT_INTERVAL.mul_f64(offset as f64)));
        first.set_reason("the database is away".into());
        assert_eq!(monitor.overdue(start + OVERDUE_AFTER), None);
        let overdue = monitor.overdue(start + OVERDUE_AFTER + COUNT_INTERVAL * 10).unwrap();
        assert_eq!((overdue.count, overdue.offset, overdue.age), (2, 7, OVERDUE_AFTER + COUNT_INTERVAL * 3));
        assert_eq!(overdue.reason, "the database is away");
        drop(first);
        assert_eq!(monitor.overdue(start + OVERDUE_AFTER + COUNT_INTERVAL * 10).map(|overdue| overdue.offset), Some(8));
        drop(second);
        assert_eq!(monitor.overdue(start + OVERDUE_AFTER * 2), None);
    }
}
