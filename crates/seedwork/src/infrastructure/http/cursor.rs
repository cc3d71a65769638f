//! The cursor of a list: the place of the last item of a page, as an opaque text.

use super::{parse_errors::rule_error, texts};
use crate::{application::PageCursor, domain::Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use uuid::Uuid;

/// The beginning of the year 10000, in microseconds. A later time is not one of ours.
const END: i64 = 253_402_300_800_000_000;

pub(super) fn encode(cursor: &PageCursor) -> String {
    let created = cursor.created.timestamp_micros().to_be_bytes();
    BASE64_URL_SAFE_NO_PAD.encode([&created[..], cursor.id.as_bytes()].concat())
}

fn decode(text: &str) -> Option<PageCursor> {
    let mut bytes = [0; 24];
    let read = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    let ([created @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _], 24) = (bytes, read) else { return None };
    let created = i64::from_be_bytes(created);
    let created = (0..END).contains(&created).then(|| Timestamp::from_timestamp_micros(created))??;
    Some(PageCursor { created, id: Uuid::from_slice(&bytes[8..]).ok()? })
}

/// Reads the parameter `cursor`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PageCursor>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let refused = || rule_error::<D::Error>("cursor-valido", texts::INVALID_CURSOR);
    decode(&text).map(Some).ok_or_else(refused)
}
