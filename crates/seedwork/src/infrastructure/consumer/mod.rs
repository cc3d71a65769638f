//! The consumer: reads the topics that a context subscribes to, and handles each message once, in the order of its key.
//!
//! Messages of different keys are handled concurrently. A message's effects and its claim are one commit, which many
//! messages share; positions follow.
//!
//! | message | event | next state | durable fact |
//! |---|---|---|---|
//! | read | another message of its key is running | queued | none: the position stays below it |
//! | read or queued | no other message of its key is running | running | none |
//! | running | it is handled | settled | effects and claim, in one commit |
//! | running | the context has no subscription to its type | settled | its offset and type in `unheard` |
//! | running | a transient failure, and its retry budget is not used up | running, after a backoff | none |
//! | running | no database or no registry | running, after a backoff | none: it counts against nothing |
//! | running | the retry budget is used up | parked, retried later | claim and row in `parked`, in one commit |
//! | running | a permanent failure | parked, dead | claim and row in `parked`, in one commit |
//! | running | an earlier message of its key is parked | parked behind it | claim and row in `parked`, in one commit |
//! | read or queued | its partition is revoked | dropped | none: the next owner reads it again |
//! | running | its partition is revoked | settled if this attempt succeeds, else dropped | effects and claim, or none |
//! | settled | at most 100 ms pass | stored | the position in `positions` |

mod channel;
mod crash_isolation;
mod headers;
mod in_flight_limit;
mod key_queues;
mod maintenance;
mod offset_tracker;
mod parked;
mod parked_retries;
mod positions;
mod read_loop;
mod received_message;
mod retry_budget;
mod retry_monitor;
mod subscriptions;
mod unhandled_types;

pub use subscriptions::{Subscriptions, SubscriptionsBuilder};

use super::{
    broker::{Broker, Delivery, Partition, Subscriber},
    postgres::{Database, Parking},
    schema_registry::{Decoders, Registry},
    supervise::{Supervisor, jitter},
};
use crate::{
    application::StorageError,
    domain::{Clock, SystemClock},
};
use channel::{AssignmentChange, DispatchReceiver, DispatchWork};
use crash_isolation::{CrashIsolation, IsolationPermit};
use futures_util::future::BoxFuture;
use in_flight_limit::InFlightLimit;
use key_queues::{Finished, KeyQueues, MessageKey};
use offset_tracker::OffsetTracker;
use parked::Successor;
use parked_retries::ParkedRetries;
use received_message::ReceivedMessage;
use retry_budget::{NextStep, ParkReason, RetryBudget};
use retry_monitor::RetryMonitor;
use std::{
    collections::HashSet,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use subscriptions::Outcome;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use unhandled_types::UnhandledTypes;

/// The number of messages in flight above which no more are read.
const MAX_MESSAGES: usize = 4_096;
/// The number of their bytes above which no more are read.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The first and the longest backoff between two attempts in memory.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The pause after a failure of the consumer.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time to leave the group. If it runs out, the broker removes the member some seconds later.
const LEAVE: Duration = Duration::from_secs(3);

/// The state of a consumer, for health and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerState {
    /// The number of partitions that are assigned to this process.
    pub partitions: usize,
    /// The number of messages that have been retried for over a minute.
    pub retrying: usize,
    /// The failure after which the consumer pauses. None while it consumes.
    pub failure: Option<String>,
}

/// Consumes messages for one context.
pub struct Consumer<B> {
    database: Database,
    broker: B,
    decoders: Decoders,
    subscriptions: Subscriptions,
    group: String,
    offsets: OffsetTracker,
    unhandled_types: UnhandledTypes,
    isolation: CrashIsolation,
    state: watch::Sender<ConsumerState>,
    /// The keys that a parked message is known to block. A hint: the table decides.
    blocked: Mutex<HashSet<MessageKey>>,
    retries: ParkedRetries,
    monitor: RetryMonitor,
    limit: InFlightLimit,
}

impl<B: Broker> Consumer<B> {
    /// Starts to consume the messages that a context subscribes to.
    pub fn start(
        database: Database,
        broker: B,
        registry: Registry,
        subscriptions: Subscriptions,
        supervisor: &Supervisor,
    ) -> watch::Receiver<ConsumerState> {
        let (state, receiver) = watch::channel(ConsumerState::default());
        let consumer = Arc::new(Self {
            group: format!("sta-{}", database.schema()),
            decoders: Decoders::new(registry),
            offsets: OffsetTracker::default(),
            unhandled_types: UnhandledTypes::new(),
            isolation: CrashIsolation::new(),
            blocked: Mutex::default(),
            retries: ParkedRetries::new(),
            monitor: RetryMonitor::default(),
            limit: InFlightLimit::new(MAX_MESSAGES, MAX_BYTES),
            state,
            database,
            broker,
            subscriptions,
        });
        supervisor.spawn("consumer", move |stop| {
            let consumer = Arc::clone(&consumer);
            async move { consumer.run(stop).await }
        });
        receiver
    }

    async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.consume(&stop).await {
                let (context, error) = (self.database.schema(), format!("{error:#}"));
                tracing::error!(context, error, "the consumer pauses");
                self.state.send_replace(ConsumerState { failure: Some(error), ..ConsumerState::default() });
                metrics::counter!("sta_consumer_failures_total", "context" => context.to_owned()).increment(1);
                stop.run_until_cancelled(tokio::time::sleep(jitter(PAUSE))).await;
            }
        }
    }

    /// Consumes as a member of the group, until something fails or `stop` is cancelled.
    async fn consume(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut subscriber = self.subscribe().await?;
        let (dispatcher, receiver) = channel::channel();
        self.retries.clear();
        // When one of them ends, the others are dropped. Messages that are not settled then are read again.
        let outcome = tokio::select! {
            outcome = self.read_loop(&mut subscriber, &dispatcher, stop) => outcome,
            () = self.dispatch(receiver) => Ok(()),
            () = self.maintain_positions() => Ok(()),
            () = self.maintain_parked(&dispatcher) => Ok(()),
            () = self.monitor.run(self.database.schema(), &self.state) => Ok(()),
        };
        self.store_positions_before_release().await;
        self.offsets.clear();
        self.isolation.close().await;
        if let Err(error) = timeout(LEAVE, subscriber.leave()).await.map_err(anyhow::Error::from).flatten() {
            tracing::debug!(error = format!("{error:#}"), "the consumer did not leave its group in time");
        }
        outcome
    }

    /// Dispatches messages to their handlers, until the readers end.
    async fn dispatch(&self, mut receiver: DispatchReceiver) {
        let mut queues = KeyQueues::new(receiver.paused);
        loop {
            tokio::select! {
                biased;
                change = receiver.changes.recv() => match change {
                    None => return,
                    Some(AssignmentChange::Assigned { partition, position, generation }) => {
                        self.offsets.assign(partition, position, generation);
                    }
                    Some(AssignmentChange::Revoked { partition, drained }) => queues.revoke(&partition, drained),
                },
                Some(finished) = queues.finished() => {
                    if let Some(offset) = finished.settled {
                        self.offsets.settle(&finished.partition, offset);
                    }
                    queues.run_next(finished, |key, message| self.settle(key, message));
                }
                work = receiver.work.recv() => match work {
                    None => return,
                    Some(DispatchWork::Read { messages, generation }) => {
                        for message in messages {
                            let Delivery { partition, offset, .. } = &message.delivery;
                            if self.offsets.record_read(partition, *offset, generation) {
                                let key = MessageKey::of(&message.delivery);
                                queues.push(key, message, |key, message| self.settle(key, message));
                            }
                        }
                    }
                    Some(DispatchWork::RetryParked { messages, client }) => {
                        for message in messages {
                            let (key, client) = (MessageKey::parked(&message.delivery), Arc::clone(&client));
                            queues.push(key, message, |key, message| self.retry_parked(key, message, client));
                        }
                    }
                },
            }
        }
    }

    /// Retries a message in memory until it is settled: its effects are committed, or it is parked. Gives up when its
    /// partition is revoked.
    fn settle(&self, key: MessageKey, message: ReceivedMessage) -> BoxFuture<'_, Finished> {
        Box::pin(async move {
            let partition = message.delivery.partition.clone();
            let (began, offset, mut backoff, span) =
                (Instant::now(), message.delivery.offset, BACKOFF.0, message.span());
            let (mut budget, mut entry) = (RetryBudget::default(), None);
            while let Err(reason) = self.attempt(&key, &message, &mut budget).instrument(span.clone()).await {
                if !self.offsets.is_assigned(&partition) {
                    return Finished { key, partition, settled: None };
                }
                entry.get_or_insert_with(|| self.monitor.add(&partition, offset, began)).set_reason(reason);
                tokio::time::sleep(jitter(backoff)).await;
                backoff = (backoff * 2).min(BACKOFF.1);
            }
            Finished { key, partition, settled: Some(offset) }
        })
    }

    /// Makes one attempt to settle a message.
    ///
    /// # Errors
    ///
    /// The reason for a further attempt.
    async fn attempt(
        &self,
        key: &MessageKey,
        message: &ReceivedMessage,
        budget: &mut RetryBudget,
    ) -> Result<(), String> {
        let partition = &message.delivery.partition;
        let step = if self.blocked().contains(key) {
            NextStep::Park(ParkReason::Behind)
        } else {
            let permit = self.isolation.acquire(message).await;
            if matches!(permit, IsolationPermit::Exclusive { .. }) && !self.offsets.is_assigned(partition) {
                return Err("its partition is assigned to another process".to_owned());
            }
            // The wait for the permit does not count against the message.
            let began = Instant::now();
            let attempt = pin!(message.handle(&self.subscriptions, &self.decoders));
            budget.next_step(self.isolation.run(message, permit, attempt).await, began, Instant::now())
        };
        let reason = match step {
            NextStep::Settle => return Ok(()),
            NextStep::RecordUnhandled(kind) => {
                self.unhandled_types.record(partition, message.delivery.offset, &kind).await;
                let context = self.database.schema().to_owned();
                metrics::counter!("sta_unhandled_total", "context" => context).increment(1);
                return Ok(());
            }
            NextStep::Park(reason) => reason,
            NextStep::Retry(reason) => return Err(reason),
        };
        match self.park(message, reason).await {
            Ok(()) | Err(StorageError::Duplicate) => {
                if matches!(key, MessageKey::Keyed(..)) {
                    self.blocked().insert(key.clone());
                }
                Ok(())
            }
            // No message of its key is parked any more: it is handled like any other.
            Err(StorageError::Behind) => {
                self.blocked().remove(key);
                Err("its key is no longer blocked".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn park(&self, message: &ReceivedMessage, reason: ParkReason) -> Result<(), StorageError> {
        let delivery = &message.delivery;
        let (dead, behind, reason) = match reason {
            ParkReason::Behind => (false, true, "it is behind an earlier message of its key".to_owned()),
            ParkReason::RetriesExhausted(reason) => (false, false, reason),
            ParkReason::Permanent(reason) => (true, false, reason),
        };
        let parking = Parking {
            consumed: message.identity(),
            offset: delivery.offset,
            headers: headers::to_json(&delivery.headers),
            value: delivery.value.clone(),
            tries: 0,
            due_at: SystemClock.now() + parked::FIRST_DELAY,
            dead,
            behind,
            reason: parked::storable(&reason),
        };
        (self.subscriptions.park)(parking).await?;
        let Partition { topic, number } = &delivery.partition;
        tracing::warn!(%topic, partition = number, delivery.offset, dead, reason, "a message is parked");
        metrics::counter!("sta_parked_total", "context" => self.database.schema().to_owned()).increment(1);
        Ok(())
    }

    fn blocked(&self) -> MutexGuard<'_, HashSet<MessageKey>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one attempt to handle a parked message and, while attempts succeed, its successors.
    fn retry_parked(
        &self,
        key: MessageKey,
        mut message: ReceivedMessage,
        client: Arc<Client>,
    ) -> BoxFuture<'_, Finished> {
        Box::pin(async move {
            let partition = message.delivery.partition.clone();
            loop {
                let permit = self.isolation.acquire(&message).await;
                let attempt = message.handle(&self.subscriptions, &self.decoders);
                let outcome = self.isolation.run(&message, permit, attempt).instrument(message.span()).await;
                let successor = match (outcome, message.parked) {
                    (Outcome::Handled, _) => parked::successor(&client, message, &self.retries).await,
                    (outcome, Some(row)) => {
                        parked::record_failure(&client, row, outcome).await.map(|()| Successor::Deferred)
                    }
                    (_, None) => Ok(Successor::Deferred),
                };
                match successor {
                    Ok(Successor::Ready(next)) => {
                        message = *next;
                        message.parked.iter().for_each(|row| self.retries.advance(&key, row.n));
                    }
                    Ok(Successor::None) => {
                        if let MessageKey::Parked(key) = &key {
                            self.blocked().remove(&**key);
                        }
                        break;
                    }
                    Ok(Successor::Deferred) => break,
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::warn!(error, "the result or the successor of a retried message is not known");
                        break;
                    }
                }
            }
            self.retries.finish(&key);
            Finished { key, partition, settled: None }
        })
    }
}
