//! The headers that correlate a request with its effects.

use crate::application::Cause;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header of the correlation id, in requests and answers.
pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The most characters of a correlation id that a client chooses.
const LONGEST: usize = 128;

/// Returns the cause of a request: that of its headers, or a new one.
pub(super) fn cause(headers: &HeaderMap) -> Cause {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let cause = match text(CORRELATION_ID).filter(|id| is_correlation_id(id)) {
        Some(id) => Cause::correlated(id.to_owned()),
        None => Cause::new(),
    };
    Cause { traceparent: text(TRACEPARENT).filter(|trace| is_traceparent(trace)).map(str::to_owned), ..cause }
}

/// Returns the header of the answer.
pub(super) fn header(cause: &Cause) -> Option<HeaderValue> {
    HeaderValue::from_str(&cause.correlation_id).ok()
}

fn is_correlation_id(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns true for the form of W3C Trace Context, version 00: `00-<trace>-<parent>-<flags>`, in lower-case hexadecimal.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |part: &str, length| part.len() == length && is_hex(part) && part.bytes().any(|byte| byte != b'0');
    match text.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, parent, flags] => is_id(trace, 32) && is_id(parent, 16) && flags.len() == 2 && is_hex(flags),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: HeaderName, value: &str) -> Cause {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        cause(&headers)
    }

    #[test]
    fn a_short_and_visible_correlation_id_is_kept() {
        let longest = "x".repeat(LONGEST);
        for id in ["a", "{7d0e}/x=1", longest.as_str()] {
            assert_eq!(of(CORRELATION_ID, id).correlation_id, id);
        }
    }

    #[test]
    fn a_correlation_id_is_made_if_that_of_the_client_is_long_or_invisible() {
        for id in ["", "a b", "ñ", "x".repeat(LONGEST + 1).as_str()] {
            let made = of(CORRELATION_ID, id).correlation_id;
            assert_eq!(made.parse::<uuid::Uuid>().map(|id| id.get_version_num()), Ok(7), "{id:?} -> {made:?}");
        }
    }

    #[test]
    fn a_well_formed_trace_is_continued() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(of(TRACEPARENT, trace).traceparent.as_deref(), Some(trace));
        for wrong in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(TRACEPARENT, wrong).traceparent, None, "{wrong:?}");
        }
    }
}
