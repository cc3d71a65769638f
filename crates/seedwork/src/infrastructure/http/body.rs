//! Reads a body: of the right media type, within the limit of bytes and the deadline.

use super::{connection, limits::Limits, problem::Problem, schemas::FieldViolation, texts};
use crate::application::StorageError;
use actix_web::{
    HttpMessage, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{StatusCode, header},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;
use std::cell::Cell;

/// The bytes of each body that are accepted even if [`ROOM`] is used up.
const SMALL: usize = 16 * 1024;
/// The most bytes that all unfinished bodies of one thread hold together. The limit of a single body applies if it is
/// larger.
const ROOM: usize = 32 * 1024 * 1024;

thread_local! {
    /// The bytes of the unfinished bodies of this thread.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Reads the JSON text of a request.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let limits = Limits::of(request);
    let has_type = has_json(request)?;
    let awaited = connection::BodyTurn::awaited(request, limits.deadline);
    let body = tokio::time::timeout(limits.deadline, collect(payload, limits.body, announced(request)));
    let body = body.await.unwrap_or_else(|_| Err(incomplete()))?;
    awaited.complete();
    match (body.is_empty(), has_type) {
        (true, _) => Err(unreadable(texts::EMPTY_BODY)),
        (false, true) => Ok(body),
        (false, false) => Err(not_json()),
    }
}

/// Returns true if a request declares a JSON body. A request that declares nothing may still have no body.
fn has_json(request: &HttpRequest) -> Result<bool, Problem> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(not_json());
    }
    match request.mime_type() {
        Ok(None) => Ok(false),
        Ok(Some(mime)) if is_json(&mime) => Ok(true),
        Ok(Some(_)) | Err(_) => Err(not_json()),
    }
}

fn is_json(mime: &mime::Mime) -> bool {
    let is_json = mime.type_() == mime::APPLICATION
        && (mime.subtype() == mime::JSON || mime.suffix().is_some_and(|suffix| suffix == mime::JSON));
    is_json && mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8)
}

fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Collects a body. Memory grows with the bytes received, because `Content-Length` cannot be trusted.
async fn collect(mut payload: Payload, limit: usize, announced: Option<usize>) -> Result<Bytes, Problem> {
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut body = PartialBody(BytesMut::new());
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if body.0.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend(&chunk, ROOM.max(limit))?;
    }
    Ok(body.finish())
}

/// The received bytes of a body, counted in [`HELD`].
struct PartialBody(BytesMut);

impl PartialBody {
    fn extend(&mut self, chunk: &[u8], room: usize) -> Result<(), Problem> {
        let held = HELD.get() + chunk.len();
        if held > room && self.0.len() + chunk.len() > SMALL {
            return Err(StorageError::Overloaded.into());
        }
        HELD.set(held);
        self.0.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(mut self) -> Bytes {
        HELD.set(HELD.get() - self.0.len());
        self.0.split().freeze()
    }
}

impl Drop for PartialBody {
    fn drop(&mut self) {
        HELD.set(HELD.get() - self.0.len());
    }
}

pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "demasiado-grande", texts::larger_body(limit))
}

fn broken(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::of(StatusCode::PAYLOAD_TOO_LARGE),
        _ => incomplete(),
    }
}

fn incomplete() -> Problem {
    unreadable(texts::INCOMPLETE_BODY)
}

pub(super) fn not_json() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "tipo-no-admitido", texts::NOT_JSON)
}

/// Returns the problem of a body that is not JSON, so that no field is at fault.
pub(super) fn unreadable(detail: impl Into<String>) -> Problem {
    let violation = FieldViolation { campo: String::new(), regla: "json-valido".into(), detalle: detail.into() };
    Problem::unreadable("cuerpo-invalido", violation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_bodies_share_a_bounded_room_and_small_ones_always_fit() {
        let (room, mut large, mut small) = (100_000, PartialBody(BytesMut::new()), PartialBody(BytesMut::new()));
        large.extend(&[b' '; 90_000], room).unwrap();
        let refused = large.extend(&[b' '; 20_000], room).unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        small.extend(&[b' '; SMALL], room).unwrap();
        assert!(small.extend(b" ", room).is_err());
        assert_eq!(large.finish().len(), 90_000);
        small.extend(b" ", room).unwrap();
        drop(small);
        assert_eq!(HELD.get(), 0);
    }
}
