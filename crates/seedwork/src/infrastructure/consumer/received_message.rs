//! A message that was read: its identity, its cause, and one attempt to handle it.

use super::{
    in_flight_limit::InFlightPermit,
    subscriptions::{Outcome, Subscriptions},
};
use crate::{
    application::{Cause, MessageIdentity},
    infrastructure::{
        broker::{Delivery, Partition},
        schema_registry::{Decoders, Undecodable},
    },
};
use futures_util::FutureExt;
use std::{borrow::Cow, panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tracing::Span;

/// The longest header that identifies a message in the inbox, in bytes. A longer one is ignored.
const MAX_IDENTIFIER: usize = 512;

/// A message in flight.
#[derive(Debug)]
pub(super) struct ReceivedMessage {
    pub(super) delivery: Delivery,
    pub(super) permit: InFlightPermit,
    /// The row of a message that comes from `parked`.
    pub(super) parked: Option<ParkedRow>,
}

/// The row of a parked message.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParkedRow {
    /// The key of the row, which also orders the messages of a key.
    pub(super) n: i64,
    /// The number of failed attempts since the message was parked.
    pub(super) attempts: i32,
}

impl ReceivedMessage {
    /// Returns the identity of the message, with its place, for its claim.
    pub(super) fn identity(&self) -> Arc<MessageIdentity> {
        let Delivery { partition: Partition { topic, number }, key, .. } = &self.delivery;
        let (source, id) = self.source_and_id();
        Arc::new(MessageIdentity {
            source: source.to_owned(),
            id: id.into_owned(),
            topic: Arc::clone(topic),
            partition: *number,
            key: key.clone(),
            parked: self.parked.map(|parked| parked.n),
        })
    }

    /// Returns the source of the message and its id there.
    fn source_and_id(&self) -> (&str, Cow<'_, str>) {
        let Delivery { partition: Partition { topic, number }, offset, .. } = &self.delivery;
        match (self.text("ce_source"), self.text("ce_id")) {
            (Some(source), Some(id)) => (source, id.into()),
            // A foreign producer may set no CloudEvents attributes: partition and offset identify its messages.
            _ => (topic, format!("{topic}-{number}-{offset}").into()),
        }
    }

    /// Returns the correlation id from the headers, or else the message's own id, which is the same in each attempt.
    fn correlation_id(&self) -> Cow<'_, str> {
        self.text("ce_correlationid").map_or_else(|| self.source_and_id().1, Cow::from)
    }

    fn cause(&self, consumed: Arc<MessageIdentity>) -> Cause {
        let traceparent = self.text("traceparent").map(str::to_owned);
        let cause = Cause::correlated(self.correlation_id().into_owned());
        Cause { causation_id: Some(consumed.id.clone()), traceparent, consumed: Some(consumed), ..cause }
    }

    /// Returns the span whose fields are on each log line about the message.
    pub(super) fn span(&self) -> Span {
        tracing::info_span!("message", correlation_id = &*self.correlation_id(), message.id = &*self.source_and_id().1)
    }

    /// Returns the text of a header if PostgreSQL can store it: its texts hold no NUL.
    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.delivery.headers.iter().find(|(known, _)| known == name)?;
        let is_storable = |value: &&str| (1..=MAX_IDENTIFIER).contains(&value.len()) && !value.contains('\0');
        std::str::from_utf8(value).ok().filter(is_storable)
    }

    /// Makes one attempt to handle the message. A tombstone, which has no value, counts as handled.
    pub(super) async fn handle(&self, subscriptions: &Subscriptions, decoders: &Decoders) -> Outcome {
        if let Some(defect) = &self.delivery.defect {
            return Outcome::Permanent(defect.clone());
        }
        let Some(value) = &self.delivery.value else {
            metrics::counter!("sta_tombstones_total").increment(1);
            return Outcome::Handled;
        };
        let decoder = match decoders.of(value).await {
            Ok(decoder) => decoder,
            Err(Undecodable::Unavailable(error)) => {
                tracing::warn!(error, "the registry does not answer");
                return Outcome::Unavailable(error);
            }
            Err(Undecodable::UnknownSchema(reason)) => return Outcome::Transient(reason),
            Err(Undecodable::Invalid(reason)) => return Outcome::Permanent(reason),
        };
        let kind = self.text("ce_type").unwrap_or(decoder.name());
        let Some(handler) = subscriptions.handlers.get(kind) else {
            return Outcome::Unhandled(kind.to_owned());
        };
        let value = match decoder.decode(kind, value) {
            Ok(value) => value,
            Err(error) => return Outcome::Permanent(error.to_string()),
        };
        let began = Instant::now();
        let handled = AssertUnwindSafe(handler(value, self.cause(self.identity()))).catch_unwind().await;
        let outcome = handled.unwrap_or_else(|_| Outcome::Permanent("its handler panicked".into()));
        tracing::debug!(kind, ?outcome, duration_ms = began.elapsed().as_secs_f64() * 1_000.0, "a message was handled");
        outcome
    }
}
