//! What is counted and logged of every request: never a raw path, which can hold personal data.

use actix_web::{
    HttpRequest,
    http::{Method, StatusCode},
};
use std::time::Duration;

/// Counts and logs a request that was answered.
pub(super) fn answered(request: &HttpRequest, method: &Method, status: StatusCode, took: Duration) {
    let method = known(method);
    let route = request.match_pattern().unwrap_or_else(|| "-".to_owned());
    if status.is_server_error() {
        tracing::warn!(method, route, status = status.as_u16(), took_ms = millis(took), "a request failed");
    } else {
        tracing::debug!(method, route, status = status.as_u16(), took_ms = millis(took), "a request was answered");
    }
    metrics::histogram!("sta_http_request_seconds", "method" => method, "route" => route.clone())
        .record(took.as_secs_f64());
    let status = status.as_u16().to_string();
    metrics::counter!("sta_http_requests_total", "method" => method, "route" => route, "status" => status).increment(1);
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
