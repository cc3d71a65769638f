//! What is counted and logged of every request: never a raw path, which can hold personal data.

use actix_web::{
    HttpRequest,
    http::{Method, StatusCode},
};
use metrics::{Counter, Histogram, counter, histogram};
use std::{cell::RefCell, collections::HashMap, time::Duration};

/// What the answers to one method, route and status are counted with.
struct Meters {
    seconds: Histogram,
    requests: Counter,
}

thread_local! {
    /// Those that this thread has met: to find them anew costs more than to count. As many as there are routes.
    static MET: RefCell<HashMap<(&'static str, String, u16), Meters>> = RefCell::default();
}

/// Counts and logs a request that was answered.
pub(super) fn answered(request: &HttpRequest, method: &Method, status: StatusCode, took: Duration) {
    let method = known(method);
    let route = request.match_pattern().unwrap_or_else(|| "-".to_owned());
    // Refusals during an outage are logged where the cause is known, in one line a second.
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(method, route, status = status.as_u16(), took_ms = millis(took), "a request failed");
    } else {
        tracing::debug!(method, route, status = status.as_u16(), took_ms = millis(took), "a request was answered");
    }
    MET.with_borrow_mut(|met| {
        let Meters { seconds, requests } = met.entry((method, route, status.as_u16())).or_insert_with_key(Meters::of);
        seconds.record(took.as_secs_f64());
        requests.increment(1);
    });
}

/// Counts a request that the framework refused before its method and route were known.
pub(super) fn refused(status: StatusCode) {
    let status = status.as_u16().to_string();
    tracing::debug!(status, "a request was not understood");
    counter!("sta_http_requests_total", "method" => "other", "route" => "-", "status" => status).increment(1);
}

impl Meters {
    fn of((method, route, status): &(&'static str, String, u16)) -> Self {
        let (method, status) = (*method, status.to_string());
        Self {
            seconds: histogram!("sta_http_request_seconds", "method" => method, "route" => route.clone()),
            requests: counter!(
                "sta_http_requests_total", "method" => method, "route" => route.clone(), "status" => status
            ),
        }
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// The method as a label. Clients can make up methods; they share one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
