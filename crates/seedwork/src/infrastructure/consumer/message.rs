//! One message: who it is from, what it says, and what handles it.

use super::hearing::{Hearing, Outcome};
use crate::{
    application::{Cause, Heard},
    infrastructure::{
        avro::{Decoders, Undecodable},
        broker::{Delivery, Partition},
    },
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// The longest text that identifies a message in the inbox, in bytes; a longer one is not used.
const LONGEST: usize = 512;

/// A message that is being handled.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) delivery: Delivery,
    /// Its place among the parked messages, and how often it was tried there.
    pub(super) parked: Option<(i64, i32)>,
}

impl Message {
    /// What the claim of it says, when everything before `settled` is settled.
    pub(super) fn heard(&self, settled: i64) -> Arc<Heard> {
        let Delivery { partition: Partition { topic, number }, offset, key, .. } = &self.delivery;
        let (source, id) = match (self.text("ce_source"), self.text("ce_id")) {
            (Some(source), Some(id)) => (source.to_owned(), id.to_owned()),
            // A foreign producer without CloudEvents attributes: its place is its name.
            _ => (topic.to_string(), format!("{topic}-{number}-{offset}")),
        };
        Arc::new(Heard {
            source,
            id,
            topic: Arc::clone(topic),
            partition: *number,
            key: key.clone(),
            settled,
            parked: self.parked.map(|(n, _)| n),
        })
    }

    fn cause(&self, heard: Arc<Heard>) -> Cause {
        let correlation_id = self.text("ce_correlationid").map(str::to_owned);
        let cause = correlation_id.map_or_else(Cause::new, Cause::correlated);
        let traceparent = self.text("traceparent").map(str::to_owned);
        Cause { causation_id: Some(heard.id.clone()), traceparent, heard: Some(heard), ..cause }
    }

    /// A header that can be kept: PostgreSQL's texts have no NUL.
    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.delivery.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok().filter(|value| (1..=LONGEST).contains(&value.len()) && !value.contains('\0'))
    }

    /// Handles it once. A message that nobody here has a use for is done.
    pub(super) async fn handle(&self, hearing: &Hearing, decoders: &Decoders, settled: i64) -> Outcome {
        let Some(value) = &self.delivery.value else {
            metrics::counter!("sta_tombstones_total").increment(1);
            return Outcome::Done;
        };
        let decoder = match decoders.of(value).await {
            Ok(decoder) => decoder,
            Err(Undecodable::Away(error)) => {
                tracing::warn!(error, "the registry does not answer");
                return Outcome::Later;
            }
            Err(Undecodable::Never(reason)) => return Outcome::Hopeless(reason),
        };
        let kind = self.text("ce_type").unwrap_or(decoder.name());
        let Some(handler) = hearing.handlers.get(kind) else {
            return Outcome::Unheard(kind.to_owned());
        };
        let value = match decoder.decode(kind, value) {
            Ok(value) => value,
            Err(error) => return Outcome::Hopeless(error.to_string()),
        };
        let cause = self.cause(self.heard(settled));
        let span =
            tracing::info_span!("message", correlation_id = cause.correlation_id, message.id = cause.causation_id);
        let handled =
            tracing::Instrument::instrument(AssertUnwindSafe(handler(value, cause)).catch_unwind(), span).await;
        handled.unwrap_or_else(|_| Outcome::Hopeless("its handler panicked".into()))
    }
}
