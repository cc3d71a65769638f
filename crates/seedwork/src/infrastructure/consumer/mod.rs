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
    broker::{Broker, Partition},
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
        let mut lanes: HashMap<Lane, VecDeque<Message>> = HashMap::new();
        let mut running: FuturesUnordered<BoxFuture<'_, Settled>> = FuturesUnordered::new();
        let mut waiting = 0_usize;
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(settled) = running.next() => {
                    if !settled.parked {
                        self.progress.settle(&settled.partition, settled.offset);
                    }
                    let next = lanes.get_mut(&settled.lane).and_then(VecDeque::pop_front);
                    match next {
                        Some(message) => {
                            waiting -= 1;
                            running.push(Box::pin(self.settle(settled.lane, message)));
                        }
                        None => {
                            lanes.remove(&settled.lane);
                        }
                    }
                }
                told = news.recv(), if running.len() + waiting < OPEN => match told {
                    None => return Ok(()),
                    Some(News::Gained(partition, position)) => self.progress.gain(partition, position),
                    Some(News::Lost(partition)) => self.progress.lose(&partition),
                    Some(News::Read(partition, deliveries)) => for delivery in deliveries {
                        if !self.progress.read(&partition, delivery.offset) {
                            continue;
                        }
                        let lane = match &delivery.key {
                            Some(key) => Lane::Key(delivery.topic.clone(), key.clone()),
                            None => Lane::Alone(partition.clone(), delivery.offset),
                        };
                        let message = Message { delivery, parked: None };
                        match lanes.get_mut(&lane) {
                            Some(queue) => {
                                waiting += 1;
                                queue.push_back(message);
                            }
                            None => {
                                lanes.insert(lane.clone(), VecDeque::new());
                                running.push(Box::pin(self.settle(lane, message)));
                            }
                        }
                    },
                },
                _ = round.tick() => {
                    self.note().await;
                    for message in self.due().await {
                        let Some((n, _)) = message.parked else { continue };
                        if let std::collections::hash_map::Entry::Vacant(free) = lanes.entry(Lane::Parked(n)) {
                            free.insert(VecDeque::new());
                            running.push(Box::pin(self.try_parked(Lane::Parked(n), message)));
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
