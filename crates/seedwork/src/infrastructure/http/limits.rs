//! Limits on the size and the time of requests.

use actix_web::HttpRequest;
use std::time::Duration;

/// The limits of a request: app data of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The longest time for a body to arrive, and for a query to be answered. Commands have a deadline of their own.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 1024 * 1024, deadline: Duration::from_secs(5) }
    }
}

impl Limits {
    /// Returns the limits of a request.
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.app_data().copied().unwrap_or_default()
    }
}
