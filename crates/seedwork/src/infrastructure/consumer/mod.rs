//! The consumer: hears topics, keys side by side and a key in order. The claim of a message and its effect are one commit,
//! shared with many others; positions follow.
//!
//! A message that cannot be handled is parked after a few seconds, with those of its key that follow; other keys go on.
//! Nothing is counted against a message while the database is away.

mod headers;
mod hearing;
mod lanes;
mod message;
mod news;
mod parked;
mod positions;
mod progress;
mod reader;
mod rounds;
mod trials;
mod unheard;

pub use hearing::{Hearing, Hears};

use super::{
    avro::{Decoders, Registry},
    broker::{Broker, Subscriber},
    postgres::{Database, Parking},
    supervise::{Supervisor, jitter},
};
use crate::{
    application::CommitError,
    domain::{Clock, SystemClock},
};
use futures_util::future::BoxFuture;
use hearing::Outcome;
use lanes::{Ended, Lane, Lanes};
use message::Message;
use news::{Change, Told, Work};
use parked::Trying;
use progress::Progress;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use trials::Trials;
use unheard::Unheard;

/// How many messages may be open at once; reading waits meanwhile.
const OPEN: usize = 4_096;
/// How long a message is tried in memory, while its key waits, before it is parked.
const PATIENCE: Duration = Duration::from_secs(3);
/// The first and the longest pause between two tries in memory.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long leaving the group may take. Whoever does not leave is found to be gone, a few seconds later.
const LEAVE: Duration = Duration::from_secs(3);

/// What can be seen of a consumer from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerState {
    /// How many partitions this process hears.
    pub partitions: usize,
    /// Why it does not hear, when it pauses after a failure.
    pub failure: Option<String>,
}

/// Hears for one context.
pub struct Consumer<B> {
    database: Database,
    broker: B,
    decoders: Decoders,
    hearing: Hearing,
    group: String,
    progress: Progress,
    unheard: Unheard,
    trials: Trials,
    state: watch::Sender<ConsumerState>,
    /// The lanes that are remembered to be blocked by a parked message: a hint, the table decides.
    blocked: Mutex<HashSet<Lane>>,
    trying: Trying,
}

/// Why a message is parked.
enum Why {
    Behind,
    Failed(String),
    Hopeless(String),
}

impl<B: Broker> Consumer<B> {
    /// Starts to hear what a context hears.
    pub fn start(
        database: Database,
        broker: B,
        registry: Registry,
        hearing: Hearing,
        supervisor: &Supervisor,
    ) -> watch::Receiver<ConsumerState> {
        let (state, seen) = watch::channel(ConsumerState::default());
        let consumer = Arc::new(Self {
            group: format!("sta-{}", database.schema()),
            decoders: Decoders::new(registry),
            progress: Progress::default(),
            unheard: Unheard::new(),
            trials: Trials::new(),
            blocked: Mutex::default(),
            trying: Trying::default(),
            state,
            database,
            broker,
            hearing,
        });
        supervisor.spawn("consumer", move |stop| {
            let consumer = Arc::clone(&consumer);
            async move { consumer.run(stop).await }
        });
        seen
    }

    async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.hear(&stop).await {
                let (context, error) = (self.database.schema(), format!("{error:#}"));
                tracing::error!(context, error, "the consumer pauses");
                self.state.send_replace(ConsumerState { partitions: 0, failure: Some(error) });
                metrics::counter!("sta_consumer_failures_total", "context" => context.to_owned()).increment(1);
                stop.run_until_cancelled(tokio::time::sleep(jitter(PAUSE.1))).await;
            }
        }
    }

    /// Hears as one of the group, until something fails or it is to stop.
    async fn hear(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut subscriber = self.subscribe().await?;
        let (tell, told) = news::channel();
        self.trying.clear();
        // When one ends, the others are dropped: what is open is abandoned, and heard again.
        let outcome = tokio::select! {
            outcome = self.read(&mut subscriber, &tell, stop) => outcome,
            () = self.handle(told) => Ok(()),
            () = self.keep_notes() => Ok(()),
            () = self.look_after_parked(&tell) => Ok(()),
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
        let mut lanes = Lanes::default();
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
                work = told.work.recv(), if lanes.open() < OPEN => match work {
                    None => return,
                    Some(Work::Read(deliveries, turn)) => {
                        for delivery in deliveries {
                            if self.progress.read(&delivery.partition, delivery.offset, turn) {
                                let lane = Lane::of(&delivery);
                                let message = Message { delivery, parked: None };
                                lanes.enter(lane, message, |lane, message| self.settle(lane, message));
                            }
                        }
                    }
                    Some(Work::Due(messages, client)) => {
                        for message in messages {
                            let Some((n, _)) = message.parked else { continue };
                            let (lane, client) = (Lane::parked(&message.delivery), Arc::clone(&client));
                            // One that is being tried already is not tried twice.
                            if self.trying.begin(&lane, n) {
                                lanes.enter(lane, message, |lane, message| self.try_parked(lane, message, client));
                            }
                        }
                    }
                },
            }
        }
    }

    /// Handles a message until it is settled, its effect committed or itself parked, or not heard here any more.
    fn settle(&self, lane: Lane, message: Message) -> BoxFuture<'_, Ended> {
        Box::pin(async move {
            let partition = message.delivery.partition.clone();
            let (began, mut pause, span) = (Instant::now(), PAUSE.0, message.span());
            while !self.attempt(&lane, &message, began.elapsed() > PATIENCE).instrument(span.clone()).await {
                if !self.progress.hears(&partition) {
                    return Ended { lane, partition, settled: None };
                }
                tokio::time::sleep(jitter(pause)).await;
                pause = (pause * 2).min(PAUSE.1);
            }
            Ended { lane, partition, settled: Some(message.delivery.offset) }
        })
    }

    /// Handles a message once; answers whether it is settled.
    async fn attempt(&self, lane: &Lane, message: &Message, patience_is_over: bool) -> bool {
        let partition = &message.delivery.partition;
        let why = if self.blocked().contains(lane) {
            Why::Behind
        } else {
            let handling = message.handle(&self.hearing, &self.decoders);
            match self.trials.handle(message, handling).await {
                Outcome::Done => return true,
                Outcome::Unheard(kind) => {
                    self.unheard.note(partition, message.delivery.offset, &kind).await;
                    let context = self.database.schema().to_owned();
                    metrics::counter!("sta_unheard_total", "context" => context).increment(1);
                    return true;
                }
                Outcome::Behind => Why::Behind,
                Outcome::Hopeless(reason) => Why::Hopeless(reason),
                Outcome::Failed(reason) if patience_is_over => Why::Failed(reason),
                Outcome::Failed(_) | Outcome::Later => return false,
            }
        };
        match self.park(message, why).await {
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
    async fn park(&self, message: &Message, why: Why) -> Result<(), CommitError> {
        let delivery = &message.delivery;
        let (dead, behind, reason) = match why {
            Why::Behind => (false, true, "it is behind an earlier message of its key".to_owned()),
            Why::Failed(reason) => (false, false, reason),
            Why::Hopeless(reason) => (true, false, reason),
        };
        let parking = Parking {
            heard: message.heard(),
            offset: delivery.offset,
            headers: headers::to_json(&delivery.headers),
            value: delivery.value.clone(),
            tries: 0,
            due_at: SystemClock.now() + parked::FIRST,
            dead,
            behind,
            reason: parked::text(&reason),
        };
        (self.hearing.park)(parking).await?;
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
                let handling = message.handle(&self.hearing, &self.decoders);
                let outcome = self.trials.handle(&message, handling).instrument(message.span()).await;
                let next = match (outcome, message.parked) {
                    (Outcome::Done, _) => parked::after(&client, &message).await,
                    (outcome, Some((n, tries))) => parked::failed(&client, n, tries, outcome).await.map(|()| None),
                    (_, None) => Ok(None),
                };
                match next {
                    Ok(Some(next)) => {
                        message = next;
                        message.parked.iter().for_each(|(n, _)| self.trying.follow(&lane, *n));
                    }
                    Ok(None) => break,
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
