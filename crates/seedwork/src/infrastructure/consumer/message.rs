//! One message: who it is from, what it says, and what handles it.

use super::{
    subscriptions::{Outcome, Subscriptions},
    window::Room,
};
use crate::{
    application::{Cause, MessageIdentity},
    infrastructure::{
        avro::{Decoders, Undecodable},
        broker::{Delivery, Partition},
    },
};
use futures_util::FutureExt;
use std::{borrow::Cow, panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tracing::Span;

/// The longest text that identifies a message in the inbox, in bytes; a longer one is not used.
const LONGEST: usize = 512;

/// A message that is being handled.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) delivery: Delivery,
    /// Its place among the messages in work.
    pub(super) room: Room,
    /// Its place among the parked messages, and how often it was tried there.
    pub(super) parked: Option<(i64, i32)>,
}

impl Message {
    /// Returns the identity of the message, for its claim.
    pub(super) fn identity(&self) -> Arc<MessageIdentity> {
        let Delivery { partition: Partition { topic, number }, key, .. } = &self.delivery;
        let (source, id) = self.source_and_id();
        Arc::new(MessageIdentity {
            source: source.to_owned(),
            id: id.into_owned(),
            topic: Arc::clone(topic),
            partition: *number,
            key: key.clone(),
            parked: self.parked.map(|(n, _)| n),
        })
    }

    /// Its source, and its id there.
    fn source_and_id(&self) -> (&str, Cow<'_, str>) {
        let Delivery { partition: Partition { topic, number }, offset, .. } = &self.delivery;
        match (self.text("ce_source"), self.text("ce_id")) {
            (Some(source), Some(id)) => (source, id.into()),
            // A foreign producer without CloudEvents attributes: its place is its name.
            _ => (topic, format!("{topic}-{number}-{offset}").into()),
        }
    }

    /// What ties it to all that it leads to: what it brings or, however often it is tried, its own id.
    fn correlation_id(&self) -> Cow<'_, str> {
        self.text("ce_correlationid").map_or_else(|| self.source_and_id().1, Cow::from)
    }

    fn cause(&self, consumed: Arc<MessageIdentity>) -> Cause {
        let traceparent = self.text("traceparent").map(str::to_owned);
        let cause = Cause::correlated(self.correlation_id().into_owned());
        Cause { causation_id: Some(consumed.id.clone()), traceparent, consumed: Some(consumed), ..cause }
    }

    /// What every line that is logged of it tells.
    pub(super) fn span(&self) -> Span {
        tracing::info_span!("message", correlation_id = &*self.correlation_id(), message.id = &*self.source_and_id().1)
    }

    /// A header that can be kept: PostgreSQL's texts have no NUL.
    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.delivery.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok().filter(|value| (1..=LONGEST).contains(&value.len()) && !value.contains('\0'))
    }

    /// Handles it once. A message without a value is done.
    pub(super) async fn handle(&self, subscriptions: &Subscriptions, decoders: &Decoders) -> Outcome {
        if let Some(defect) = &self.delivery.defect {
            return Outcome::Hopeless(defect.clone());
        }
        let Some(value) = &self.delivery.value else {
            metrics::counter!("sta_tombstones_total").increment(1);
            return Outcome::Done;
        };
        let decoder = match decoders.of(value).await {
            Ok(decoder) => decoder,
            Err(Undecodable::Unavailable(error)) => {
                tracing::warn!(error, "the registry does not answer");
                return Outcome::Later(error);
            }
            Err(Undecodable::UnknownSchema(reason)) => return Outcome::Failed(reason),
            Err(Undecodable::Invalid(reason)) => return Outcome::Hopeless(reason),
        };
        let kind = self.text("ce_type").unwrap_or(decoder.name());
        let Some(handler) = subscriptions.handlers.get(kind) else {
            return Outcome::Unheard(kind.to_owned());
        };
        let value = match decoder.decode(kind, value) {
            Ok(value) => value,
            Err(error) => return Outcome::Hopeless(error.to_string()),
        };
        let began = Instant::now();
        let handled = AssertUnwindSafe(handler(value, self.cause(self.identity()))).catch_unwind().await;
        let outcome = handled.unwrap_or_else(|_| Outcome::Hopeless("its handler panicked".into()));
        tracing::debug!(kind, ?outcome, took_ms = began.elapsed().as_secs_f64() * 1_000.0, "a message was handled");
        outcome
    }
}
