//! What ties a request to all that it leads to: the headers that a client may send for it.

use crate::application::Cause;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header in which a correlation id comes and goes.
pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The most characters that a correlation id of somebody else may have.
const LONGEST: usize = 128;

/// Why a request is made: what its headers say, else something new.
pub(super) fn cause(headers: &HeaderMap) -> Cause {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let cause = match text(CORRELATION_ID).filter(|id| is_correlation_id(id)) {
        Some(id) => Cause::correlated(id.to_owned()),
        None => Cause::new(),
    };
    Cause { traceparent: text(TRACEPARENT).filter(|trace| is_traceparent(trace)).map(str::to_owned), ..cause }
}

/// The header of the answer.
pub(super) fn header(cause: &Cause) -> Option<HeaderValue> {
    HeaderValue::from_str(&cause.correlation_id).ok()
}

fn is_correlation_id(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// As W3C's Trace Context has it, version 00: `00-<trace>-<parent>-<flags>`, in small hexadecimal digits.
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
    fn a_correlation_id_is_taken_when_it_is_short_and_visible() {
        let longest = "x".repeat(LONGEST);
        for id in ["a", "{7d0e}/x=1", longest.as_str()] {
            assert_eq!(of(CORRELATION_ID, id).correlation_id, id);
        }
    }

    #[test]
    fn another_one_is_made_when_it_is_not() {
        for id in ["", "a b", "ñ", "x".repeat(LONGEST + 1).as_str()] {
            let made = of(CORRELATION_ID, id).correlation_id;
            assert_eq!(made.parse::<uuid::Uuid>().map(|id| id.get_version_num()), Ok(7), "{id:?} -> {made:?}");
        }
    }

    #[test]
    fn a_trace_goes_on_when_it_is_well_formed() {
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
