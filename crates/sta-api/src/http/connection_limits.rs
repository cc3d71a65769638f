//! Limits on what HTTP clients can hold of the process.

use nix::sys::resource::{Resource, getrlimit};
use seedwork::infrastructure::http::ConnectionLimits;
use std::time::Duration;

/// The longest time that a client may keep the server waiting.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time, in seconds, that requests in progress may take when the server ends.
const DRAIN_SECONDS: u64 = 8;
/// The most connections, whatever the limit of descriptors: each can hold a head of 128 KiB, or a page.
const MOST: u64 = 1_024;

/// Returns the limits. Clients get half of the file descriptors that the process may open; the other half is for
/// databases and brokers.
///
/// # Errors
///
/// The system does not report its limit.
pub(super) fn limits() -> anyhow::Result<ConnectionLimits> {
    let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let connections = usize::try_from(MOST.min(descriptors / 2))?;
    Ok(ConnectionLimits { connections, client_timeout: CLIENT_TIMEOUT, drain_seconds: DRAIN_SECONDS })
}
