//! Metrics and log lines of requests. They have the pattern of the route: a raw path can hold personal data.

use actix_web::{
    HttpRequest,
    http::{Method, StatusCode},
};
use metrics::{Counter, Histogram, counter, histogram};
use std::{cell::RefCell, collections::HashMap, time::Duration};

/// The metrics of one method, route and status.
struct RequestMetrics {
    seconds: Histogram,
    requests: Counter,
}

thread_local! {
    /// The metrics that this thread has used. A lookup in the recorder costs more than counting. Routes bound their number.
    static METRICS: RefCell<HashMap<(&'static str, String, u16), RequestMetrics>> = RefCell::default();
}

/// Counts and logs a request that was answered.
pub(super) fn record(request: &HttpRequest, method: &Method, status: StatusCode, took: Duration) {
    let method = known(method);
    let route = request.match_pattern().unwrap_or_else(|| "-".to_owned());
    // Refusals during an outage are logged where the cause is known, in one line a second.
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(method, route, status = status.as_u16(), duration_ms = millis(took), "a request failed");
    } else {
        tracing::debug!(method, route, status = status.as_u16(), duration_ms = millis(took), "a request was answered");
    }
    METRICS.with_borrow_mut(|metrics| {
        let RequestMetrics { seconds, requests } =
            metrics.entry((method, route, status.as_u16())).or_insert_with_key(RequestMetrics::of);
        seconds.record(took.as_secs_f64());
        requests.increment(1);
    });
}

/// Counts a request that the framework refused before its method and route were known.
pub(super) fn record_unparsed(status: StatusCode) {
    let status = status.as_u16().to_string();
    tracing::debug!(status, "a request cannot be parsed");
    counter!("sta_http_requests_total", "method" => "other", "route" => "-", "status" => status).increment(1);
}

impl RequestMetrics {
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

/// Returns the method as a label. Methods that clients invent share one.
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
