//! Refusals of the framework, which it writes before any route and without a body. They are found where they are
//! written, and a problem is sent in their place.

use super::{access_log, correlation, problem::Problem, texts};
use crate::{
    application::Cause,
    domain::{Clock, SystemClock},
};
use actix_web::{body::MessageBody, http::StatusCode};

/// The longest refusal of the framework, in bytes.
const LONGEST: usize = 256;
const END: &[u8] = b"\r\n\r\n";

/// Finds a refusal of the framework: the place where it begins, and its status. It is always the last answer on a
/// connection. Its empty body identifies it: routes never refuse without a body.
pub(super) fn find(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    if !bytes.ends_with(END) {
        return None;
    }
    let start = bytes.len().saturating_sub(LONGEST);
    let place = start + bytes[start..].windows(7).rposition(|window| window == b"HTTP/1.")?;
    let head = str::from_utf8(&bytes[place..]).ok()?;
    let mut lines = head.split("\r\n");
    let status: StatusCode = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let is_empty = lines.any(|line| line.eq_ignore_ascii_case("content-length: 0"));
    let is_refused = status.is_client_error() || status.is_server_error();
    (is_refused && is_empty).then_some((place, status))
}

/// Builds the refusal that a client reads, as bytes, and counts it.
pub(super) fn problem_response(status: StatusCode) -> Vec<u8> {
    access_log::record_unparsed(status);
    let (head, body) = problem(status).answer("/").into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let date = SystemClock.now().format("%a, %d %b %Y %H:%M:%S GMT");
    let mut text =
        format!("HTTP/1.1 {status}\r\ndate: {date}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    let correlation_id = correlation::header(&Cause::new()).map(|value| (correlation::CORRELATION_ID, value));
    for (name, value) in head.headers().iter().map(|(name, value)| (name.clone(), value.clone())).chain(correlation_id)
    {
        if let Ok(value) = value.to_str() {
            text += &format!("{name}: {value}\r\n");
        }
    }
    [text.as_bytes(), b"\r\n", &body].concat()
}

fn problem(status: StatusCode) -> Problem {
    let (slug, detail) = match status {
        StatusCode::BAD_REQUEST => ("peticion-invalida", texts::NOT_HTTP),
        StatusCode::REQUEST_TIMEOUT => ("peticion-incompleta", texts::LATE),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ("demasiado-grande", texts::LARGE_HEAD),
        status => return Problem::of(status),
    };
    Problem::new(status, slug, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n";

    #[test]
    fn a_refusal_without_a_body_is_found_behind_the_answers_before_it() {
        assert_eq!(find(BARE), Some((0, StatusCode::BAD_REQUEST)));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(find(&[answer, BARE].concat()), Some((answer.len(), StatusCode::BAD_REQUEST)));
    }

    #[test]
    fn an_answer_of_a_route_is_no_refusal_of_the_framework() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 117\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            "\r\n\r\n",
            "",
        ] {
            assert_eq!(find(answer.as_bytes()), None, "{answer}");
        }
    }

    #[test]
    fn a_refusal_has_a_problem_of_its_own() {
        for (status, slug) in [(400, "peticion-invalida"), (408, "peticion-incompleta"), (431, "demasiado-grande")] {
            let text = String::from_utf8(problem_response(StatusCode::from_u16(status).unwrap())).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("content-type: application/problem+json"), "{text}");
            assert!(head.contains("connection: close") && head.contains("x-correlation-id: "), "{text}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{text}");
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!((&problem["type"], &problem["status"]), (&format!("/problemas/{slug}").into(), &status.into()));
        }
    }
}
