//! The consumer: hears topics, keys side by side and a key in order. The claim of a message, its effect and the position
//! are one commit, shared with many others.
//!
//! A message that cannot be handled is parked after a few seconds, with those of its key that follow; other keys go on.
//! Nothing is counted against a message while the database is away.

mod hearing;
mod message;
mod parked;
mod positions;
mod progress;
mod reader;

pub use hearing::{Hearing, Hears};

use super::{
    avro::{Decoders, Registry},
    broker::{Broker, Delivery, Partition},
    postgres::{Database, Parking},
    supervise::{Supervisor, jitter},
};
use crate::{
    application::CommitError,
    domain::{Clock, SystemClock},
};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use hearing::Outcome;
use message::Message;
use progress::Progress;
use reader::News;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// How many messages may be open at once; reading waits meanwhile.
const OPEN: usize = 4_096;
/// How long a message is tried in memory, while its key waits, before it is parked.
const PATIENCE: Duration = Duration::from_secs(3);
/// The first and the longest pause between two tries in memory.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often parked messages and positions are looked after.
const ROUND: Duration = Duration::from_millis(500);

/// Hears for one context.
pub struct Consumer<B> {
    database: Database,
    broker: B,
    decoders: Decoders,
    hearing: Hearing,
    group: String,
    progress: Progress,
    /// The lanes that are remembered to be blocked by a parked message: a hint, the table decides.
    blocked: Mutex<HashSet<Lane>>,
}

/// Why a message is parked.
enum Why {
    Behind,
    Failed(String),
    Hopeless(String),
}

/// What orders messages: the key in its topic; a message without one is its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lane {
    Key(String, Vec<u8>),
    Alone(Partition, i64),
    Parked(i64),
}

impl Lane {
    fn of(partition: &Partition, delivery: &Delivery) -> Self {
        match &delivery.key {
            Some(key) => Self::Key(delivery.topic.clone(), key.clone()),
            None => Self::Alone(partition.clone(), delivery.offset),
        }
    }
}

/// What is being handled, one message a lane, and what waits behind it.
#[derive(Default)]
struct Lanes<'a> {
    running: FuturesUnordered<BoxFuture<'a, Settled>>,
    waiting: HashMap<Lane, VecDeque<Message>>,
    queued: usize,
}

impl Lanes<'_> {
    /// How many messages are open.
    fn open(&self) -> usize {
        self.running.len() + self.queued
    }

    /// Gives a message back when its lane was free, and is now taken by it; else it waits there.
    fn enter(&mut self, lane: &Lane, message: Message) -> Option<Message> {
        match self.waiting.get_mut(lane) {
            Some(queue) => {
                self.queued += 1;
                queue.push_back(message);
                None
            }
            None => {
                self.waiting.insert(lane.clone(), VecDeque::new());
                Some(message)
            }
        }
    }

    /// The next message of a lane; without one the lane is free.
    fn next(&mut self, lane: &Lane) -> Option<Message> {
        let next = self.waiting.get_mut(lane).and_then(VecDeque::pop_front);
        match next {
            Some(_) => self.queued -= 1,
            None => drop(self.waiting.remove(lane)),
        }
        next
    }
}

/// A message that is settled, and the lane that is free for the next one.
struct Settled {
    lane: Lane,
    partition: Partition,
    offset: i64,
    parked: bool,
}

impl<B: Broker> Consumer<B> {
    /// Starts to hear what a context hears.
    pub fn start(database: Database, broker: B, registry: Registry, hearing: Hearing, supervisor: &Supervisor) {
        let group = format!("sta-{}", database.schema());
        let decoders = Decoders::new(registry);
        let progress = Progress::default();
        let consumer =
            Arc::new(Self { database, broker, decoders, hearing, group, progress, blocked: Mutex::default() });
        supervisor.spawn("consumer", move |stop| {
            let consumer = Arc::clone(&consumer);
            async move { consumer.run(stop).await }
        });
    }

    async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let (tell, news) = mpsc::channel(4);
            // When one ends, the other is dropped: what is open is abandoned, and heard again.
            let outcome = tokio::select! {
                outcome = self.read(&tell, &stop) => outcome,
                outcome = self.handle(news) => outcome,
            };
            self.progress.partitions().iter().for_each(|partition| self.progress.lose(partition));
            if let Err(error) = outcome {
                let context = self.database.schema();
                tracing::error!(context, error = format!("{error:#}"), "the consumer pauses");
                stop.run_until_cancelled(tokio::time::sleep(PAUSE.1)).await;
            }
        }
    }

    /// Handles what is read, until the reader ends.
    async fn handle(&self, mut news: mpsc::Receiver<News>) -> anyhow::Result<()> {
        let mut lanes = Lanes::default();
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(settled) = lanes.running.next() => {
                    if !settled.parked {
                        self.progress.settle(&settled.partition, settled.offset);
                    }
                    if let Some(next) = lanes.next(&settled.lane) {
                        lanes.running.push(Box::pin(self.settle(settled.lane, next)));
                    }
                }
                told = news.recv(), if lanes.open() < OPEN => match told {
                    None => return Ok(()),
                    Some(News::Gained(partition, position)) => self.progress.gain(partition, position),
                    Some(News::Lost(partition)) => self.progress.lose(&partition),
                    Some(News::Read(partition, deliveries)) => {
                        for delivery in deliveries {
                            if !self.progress.read(&partition, delivery.offset) {
                                continue;
                            }
                            let lane = Lane::of(&partition, &delivery);
                            if let Some(message) = lanes.enter(&lane, Message { delivery, parked: None }) {
                                lanes.running.push(Box::pin(self.settle(lane, message)));
                            }
                        }
                    }
                },
                _ = round.tick() => {
                    self.note().await;
                    for message in self.due().await {
                        let Some((n, _)) = message.parked else { continue };
                        let lane = Lane::Parked(n);
                        // One that is being tried already is not tried twice.
                        if !lanes.waiting.contains_key(&lane)
                            && let Some(message) = lanes.enter(&lane, message)
                        {
                            lanes.running.push(Box::pin(self.try_parked(lane, message)));
                        }
                    }
                }
            }
        }
    }

    /// Handles a message until it is settled: its effect committed, or itself parked.
    async fn settle(&self, lane: Lane, message: Message) -> Settled {
        let delivery = &message.delivery;
        let partition = Partition { topic: delivery.topic.clone(), number: delivery.partition };
        let offset = delivery.offset;
        let (began, mut pause) = (Instant::now(), PAUSE.0);
        while !self.attempt(&lane, &message, &partition, began.elapsed() > PATIENCE).await {
            tokio::time::sleep(jitter(pause)).await;
            pause = (pause * 2).min(PAUSE.1);
        }
        Settled { lane, partition, offset, parked: false }
    }

    /// Handles a message once; answers whether it is settled.
    async fn attempt(&self, lane: &Lane, message: &Message, partition: &Partition, patience_is_over: bool) -> bool {
        let settled = self.progress.settled(partition);
        let why = if self.blocked().contains(lane) {
            Why::Behind
        } else {
            match message.handle(&self.hearing, &self.decoders, settled).await {
                Outcome::Done => return true,
                Outcome::Behind => Why::Behind,
                Outcome::Hopeless(reason) => Why::Hopeless(reason),
                Outcome::Failed(reason) if patience_is_over => Why::Failed(reason),
                Outcome::Failed(_) | Outcome::Later => return false,
            }
        };
        match self.park(message, settled, why).await {
            Ok(()) | Err(CommitError::Duplicate) => {
                if matches!(lane, Lane::Key(..)) {
                    self.blocked().insert(lane.clone());
                }
                true
            }
            // Nothing of its key is parked any more: it is handled like any other.
            Err(CommitError::Behind) => {
                self.blocked().remove(lane);
                false
            }
            Err(_) => false,
        }
    }

    /// Sets a message aside.
    async fn park(&self, message: &Message, settled: i64, why: Why) -> Result<(), CommitError> {
        let delivery = &message.delivery;
        let (dead, behind, reason) = match why {
            Why::Behind => (false, true, "it is behind an earlier message of its key".to_owned()),
            Why::Failed(reason) => (false, false, reason),
            Why::Hopeless(reason) => (true, false, reason),
        };
        let parking = Parking {
            heard: message.heard(settled),
            offset: delivery.offset,
            headers: serde_json::to_string(&delivery.headers).unwrap_or_default(),
            value: delivery.value.clone(),
            tries: 0,
            due_at: SystemClock.now() + parked::FIRST,
            dead,
            behind,
            reason: parked::text(&reason),
        };
        (self.hearing.park)(parking).await?;
        tracing::warn!(
            topic = delivery.topic,
            delivery.partition,
            delivery.offset,
            dead,
            reason,
            "a message is parked"
        );
        metrics::counter!("sta_parked_total", "context" => self.database.schema().to_owned()).increment(1);
        Ok(())
    }

    fn blocked(&self) -> MutexGuard<'_, HashSet<Lane>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries a parked message once, and those that follow it as long as all goes well.
    async fn try_parked(&self, lane: Lane, mut message: Message) -> Settled {
        let partition = Partition { topic: message.delivery.topic.clone(), number: message.delivery.partition };
        let offset = message.delivery.offset;
        loop {
            let outcome = message.handle(&self.hearing, &self.decoders, self.progress.settled(&partition)).await;
            let next = match (outcome, message.parked) {
                (Outcome::Done, _) => parked::after(&self.database, &message).await,
                (outcome, Some((n, tries))) => parked::failed(&self.database, n, tries, outcome).await.map(|()| None),
                (_, None) => Ok(None),
            };
            match next {
                Ok(Some(next)) => message = next,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "a parked message was tried, and what follows is not known"
                    );
                    break;
                }
            }
        }
        Settled { lane, partition, offset, parked: true }
    }

    async fn due(&self) -> Vec<Message> {
        let due = parked::due(&self.database, &self.progress.partitions()).await;
        due.unwrap_or_else(|error| {
            tracing::warn!(error = format!("{error:#}"), "parked messages cannot be looked for");
            Vec::new()
        })
    }

    async fn note(&self) {
        let settled = self.progress.unnoted();
        if settled.is_empty() {
            return;
        }
        match positions::note(&self.database, &settled).await {
            Ok(()) => self.progress.noted(&settled),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "positions were not noted"),
        }
    }
}
