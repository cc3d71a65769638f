//! Reads a body: of the right media type, no larger than the limit, no slower than the deadline.

use super::{
    limits::Limits,
    problem::{Blamed, Problem},
};
use actix_web::{
    HttpMessage, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{StatusCode, header},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;

/// The JSON text that a request carries.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let limits = Limits::of(request);
    let has_type = has_json(request)?;
    let body = tokio::time::timeout(limits.deadline, collect(payload, limits.body, announced(request)));
    let body = body.await.unwrap_or_else(|_| Err(incomplete()))?;
    match (body.is_empty(), has_type) {
        (true, _) => Err(unreadable("El cuerpo esta vacio")),
        (false, true) => Ok(body),
        (false, false) => Err(not_json()),
    }
}

/// Whether the request says that its body is JSON. One that says nothing can still turn out to have no body.
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

async fn collect(mut payload: Payload, limit: usize, announced: Option<usize>) -> Result<Bytes, Problem> {
    let length = announced.unwrap_or_default();
    if length > limit {
        return Err(too_large(limit));
    }
    let mut body = BytesMut::with_capacity(length);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("El cuerpo es demasiado grande: caben {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "demasiado-grande", detail)
}

fn broken(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::of(StatusCode::PAYLOAD_TOO_LARGE),
        _ => incomplete(),
    }
}

fn incomplete() -> Problem {
    unreadable("El cuerpo no llego completo")
}

fn not_json() -> Problem {
    let detail = "El cuerpo debe ser JSON en UTF-8 (application/json)";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "tipo-no-admitido", detail)
}

/// A body that is not even JSON: no field is to blame.
pub(super) fn unreadable(detail: &str) -> Problem {
    let blamed = Blamed { campo: String::new(), regla: "json-valido".into(), detalle: detail.into() };
    Problem::unreadable("cuerpo-invalido", blamed)
}
