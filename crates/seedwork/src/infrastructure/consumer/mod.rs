//! The consumer: reads topics, keys side by side and a key in order. The claim of a message and its effect are one commit,
//! shared with many others; positions follow.
//!
//! A message that cannot be handled is parked after a few seconds, with those of its key that follow; other keys go on.
//! Nothing is counted against a message while the database is away.

mod headers;
mod lanes;
mod message;
mod news;
mod parked;
mod patience;
mod positions;
mod progress;
mod reader;
mod retries;
mod rounds;
mod subscriptions;
mod trials;
mod trying;
mod unhandled_types;
mod window;

pub use subscriptions::{Subscriptions, SubscriptionsBuilder};

use super::{
    avro::{Decoders, Registry},
    broker::{Broker, Subscriber},
    postgres::{Database, Parking},
    supervise::{Supervisor, jitter},
};
use crate::{
    application::StorageError,
    domain::{Clock, SystemClock},
};
use futures_util::future::BoxFuture;
use lanes::{Ended, Lane, Lanes};
use message::Message;
use news::{Change, Told, Work};
use parked::Next;
use patience::{Patience, Verdict, Why};
use progress::Progress;
use retries::Retries;
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
use trials::{Trials, Turn};
use trying::Trying;
use unhandled_types::UnhandledTypes;
use window::Window;

/// The number of messages in work above which nothing more is read.
const MESSAGES: usize = 4_096;
/// The number of their bytes above which nothing more is read.
const BYTES: usize = 16 * 1024 * 1024;
/// The first and the longest pause between two tries in memory.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long leaving the group may take. Whoever does not leave is found to be gone, a few seconds later.
const LEAVE: Duration = Duration::from_secs(3);

/// What can be seen of a consumer from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerState {
    /// The number of partitions assigned to this process.
    pub partitions: usize,
    /// The number of messages that have been retried for over a minute.
    pub retrying: usize,
    /// The reason why it pauses, after a failure.
    pub failure: Option<String>,
}

/// Consumes the topics of one context.
pub struct Consumer<B> {
    database: Database,
    broker: B,
    decoders: Decoders,
    subscriptions: Subscriptions,
    group: String,
    progress: Progress,
    unhandled_types: UnhandledTypes,
    trials: Trials,
    state: watch::Sender<ConsumerState>,
    /// The lanes that are remembered to be blocked by a parked message: a hint, the table decides.
    blocked: Mutex<HashSet<Lane>>,
    trying: Trying,
    retries: Retries,
    window: Window,
}

impl<B: Broker> Consumer<B> {
    /// Starts to consume what a context subscribes to.
    pub fn start(
        database: Database,
        broker: B,
        registry: Registry,
        subscriptions: Subscriptions,
        supervisor: &Supervisor,
    ) -> watch::Receiver<ConsumerState> {
        let (state, seen) = watch::channel(ConsumerState::default());
        let consumer = Arc::new(Self {
            group: format!("sta-{}", database.schema()),
            decoders: Decoders::new(registry),
            progress: Progress::default(),
            unhandled_types: UnhandledTypes::new(),
            trials: Trials::new(),
            blocked: Mutex::default(),
            trying: Trying::new(),
            retries: Retries::default(),
            window: Window::new(MESSAGES, BYTES),
            state,
            database,
            broker,
            subscriptions,
        });
        supervisor.spawn("consumer", move |stop| {
            let consumer = Arc::clone(&consumer);
            async move { consumer.run(stop).await }
        });
        seen
    }

    async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.consume(&stop).await {
                let (context, error) = (self.database.schema(), format!("{error:#}"));
                tracing::error!(context, error, "the consumer pauses");
                self.state.send_replace(ConsumerState { failure: Some(error), ..ConsumerState::default() });
                metrics::counter!("sta_consumer_failures_total", "context" => context.to_owned()).increment(1);
                stop.run_until_cancelled(tokio::time::sleep(jitter(PAUSE.1))).await;
            }
        }
    }

    /// Consumes as a member of the group until something fails or `stop` is cancelled.
    async fn consume(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut subscriber = self.subscribe().await?;
        let (tell, told) = news::channel();
        self.trying.clear();
        // When one ends, the others are dropped: what is open is abandoned, and consumed again.
        let outcome = tokio::select! {
            outcome = self.read(&mut subscriber, &tell, stop) => outcome,
            () = self.handle(told) => Ok(()),
            () = self.keep_notes() => Ok(()),
            () = self.look_after_parked(&tell) => Ok(()),
            () = self.retries.watch(self.database.schema(), &self.state) => Ok(()),
        };
        self.note_before_release().await;
        self.progress.clear();
        self.trials.close().await;
        if let Err(error) = timeout(LEAVE, subscriber.leave()).await.map_err(anyhow::Error::from).flatten() {
            tracing::debug!(error = format!("{error:#}"), "the group is left to find that this process is gone");
        }
        outcome
    }

    /// Handles what is read, until the reader ends.
    async fn handle(&self, mut told: Told) {
        let mut lanes = Lanes::new(told.held);
        loop {
            tokio::select! {
                biased;
                change = told.changes.recv() => match change {
                    None => return,
                    Some(Change::Gained(partition, position, turn)) => self.progress.gain(partition, position, turn),
                    Some(Change::Lost(partition, released)) => lanes.leave(&partition, released),
                },
                Some(ended) = lanes.next() => {
                    if let Some(offset) = ended.settled {
                        self.progress.settle(&ended.partition, offset);
                    }
                    lanes.follow(ended, |lane, message| self.settle(lane, message));
                }
                work = told.work.recv() => match work {
                    None => return,
                    Some(Work::Read(messages, turn)) => {
                        for message in messages {
                            if self.progress.read(&message.delivery.partition, message.delivery.offset, turn) {
                                let lane = Lane::of(&message.delivery);
                                lanes.enter(lane, message, |lane, message| self.settle(lane, message));
                            }
                        }
                    }
                    Some(Work::Due(messages, client)) => {
                        for message in messages {
                            let (lane, client) = (Lane::parked(&message.delivery), Arc::clone(&client));
                            lanes.enter(lane, message, |lane, message| self.try_parked(lane, message, client));
                        }
                    }
                },
            }
        }
    }

    /// Handles a message until it is settled, its effect committed or itself parked, or its partition revoked.
    fn settle(&self, lane: Lane, message: Message) -> BoxFuture<'_, Ended> {
        Box::pin(async move {
            let partition = message.delivery.partition.clone();
            let (began, offset, mut pause, span) = (Instant::now(), message.delivery.offset, PAUSE.0, message.span());
            let (mut patience, mut retry) = (Patience::default(), None);
            while let Err(reason) = self.attempt(&lane, &message, &mut patience).instrument(span.clone()).await {
                if !self.progress.is_assigned(&partition) {
                    return Ended { lane, partition, settled: None };
                }
                retry.get_or_insert_with(|| self.retries.enter(&partition, offset, began)).because(reason);
                tokio::time::sleep(jitter(pause)).await;
                pause = (pause * 2).min(PAUSE.1);
            }
            Ended { lane, partition, settled: Some(offset) }
        })
    }

    /// Handles a message once, until it is settled.
    ///
    /// # Errors
    ///
    /// The reason for which it is to be tried again.
    async fn attempt(&self, lane: &Lane, message: &Message, patience: &mut Patience) -> Result<(), String> {
        let partition = &message.delivery.partition;
        let verdict = if self.blocked().contains(lane) {
            Verdict::Park(Why::Behind)
        } else {
            let turn = self.trials.turn(message).await;
            if matches!(turn, Turn::Alone { .. }) && !self.progress.is_assigned(partition) {
                return Err("its partition is assigned to another process".to_owned());
            }
            // Waiting for the turn says nothing about the message.
            let began = Instant::now();
            let handling = pin!(message.handle(&self.subscriptions, &self.decoders));
            patience.judge(self.trials.handle(message, turn, handling).await, began, Instant::now())
        };
        let why = match verdict {
            Verdict::Done => return Ok(()),
            Verdict::Unheard(kind) => {
                self.unhandled_types.note(partition, message.delivery.offset, &kind).await;
                let context = self.database.schema().to_owned();
                metrics::counter!("sta_unhandled_total", "context" => context).increment(1);
                return Ok(());
            }
            Verdict::Park(why) => why,
            Verdict::Retry(reason) => return Err(reason),
        };
        match self.park(message, why).await {
            Ok(()) | Err(StorageError::Duplicate) => {
                if matches!(lane, Lane::Key(..)) {
                    self.blocked().insert(lane.clone());
                }
                Ok(())
            }
            // Nothing of its key is parked any more: it is handled like any other.
            Err(StorageError::Behind) => {
                self.blocked().remove(lane);
                Err("its key is free again".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sets a message aside.
    async fn park(&self, message: &Message, why: Why) -> Result<(), StorageError> {
        let delivery = &message.delivery;
        let (dead, behind, reason) = match why {
            Why::Behind => (false, true, "it is behind an earlier message of its key".to_owned()),
            Why::Failed(reason) => (false, false, reason),
            Why::Hopeless(reason) => (true, false, reason),
        };
        let parking = Parking {
            consumed: message.identity(),
            offset: delivery.offset,
            headers: headers::to_json(&delivery.headers),
            value: delivery.value.clone(),
            tries: 0,
            due_at: SystemClock.now() + parked::FIRST,
            dead,
            behind,
            reason: parked::text(&reason),
        };
        (self.subscriptions.park)(parking).await?;
        let crate::infrastructure::broker::Partition { topic, number } = &delivery.partition;
        tracing::warn!(%topic, partition = number, delivery.offset, dead, reason, "a message is parked");
        metrics::counter!("sta_parked_total", "context" => self.database.schema().to_owned()).increment(1);
        Ok(())
    }

    fn blocked(&self) -> MutexGuard<'_, HashSet<Lane>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries a parked message once, and those that follow it as long as all goes well.
    fn try_parked(&self, lane: Lane, mut message: Message, client: Arc<Client>) -> BoxFuture<'_, Ended> {
        Box::pin(async move {
            let partition = message.delivery.partition.clone();
            loop {
                let turn = self.trials.turn(&message).await;
                let handling = message.handle(&self.subscriptions, &self.decoders);
                let outcome = self.trials.handle(&message, turn, handling).instrument(message.span()).await;
                let next = match (outcome, message.parked) {
                    (Outcome::Done, _) => parked::after(&client, message, &self.trying).await,
                    (outcome, Some((n, tries))) => {
                        parked::failed(&client, n, tries, outcome).await.map(|()| Next::Later)
                    }
                    (_, None) => Ok(Next::Later),
                };
                match next {
                    Ok(Next::Message(next)) => {
                        message = *next;
                        message.parked.iter().for_each(|(n, _)| self.trying.follow(&lane, *n));
                    }
                    Ok(Next::None) => {
                        if let Lane::Parked(key) = &lane {
                            self.blocked().remove(&**key);
                        }
                        break;
                    }
                    Ok(Next::Later) => break,
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::warn!(error, "a parked message was tried, and what follows is not known");
                        break;
                    }
                }
            }
            self.trying.end(&lane);
            Ended { lane, partition, settled: None }
        })
    }
}
