//! Logs on stderr, for people or for machines; stdout belongs to the commands.

mod log_queue;

use crate::settings::{LogFormat, Settings};
use anyhow::anyhow;
use log_queue::LogQueue;
use std::{
    io::{IsTerminal, stderr},
    sync::OnceLock,
};
use tracing_subscriber::{EnvFilter, fmt};

/// The levels of libraries that hold unless `RUST_LOG` names the same target. The HTTP server logs each client that
/// sends garbage as an error of its own; the PostgreSQL client logs the values of every statement.
const QUIET: &str = "actix_http::h1::dispatcher=off,tokio_postgres=info";

/// The queue of log lines: one a process, like the subscriber.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

fn filter(log: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("{QUIET},{log}")).map_err(|error| anyhow!("RUST_LOG is not a filter: {error}"))
}

/// Starts to log as the settings say.
///
/// # Errors
///
/// `RUST_LOG` is not a filter, or the system gives no thread.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = filter(&settings.log)?;
    let terminal = stderr().is_terminal();
    let format = settings.log_format.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let lines = LogQueue::start(stderr())?;
    let writer = QUEUE.get_or_init(|| lines);
    // Otherwise the subscriber prints its own errors to stderr, and panics if that fails.
    let lines = fmt().with_env_filter(filter).with_writer(|| writer.clone()).log_internal_errors(false);
    match format {
        LogFormat::Pretty => lines.with_ansi(terminal).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}

/// The number of log lines that could not be written.
pub(crate) fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, LogQueue::dropped)
}

/// Waits for the last lines, for a second at most.
pub(crate) fn flush() {
    if let Some(lines) = QUEUE.get() {
        lines.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_statements_are_logged_only_if_the_target_is_named() {
        for (log, expected) in [
            ("debug", "tokio_postgres=info"),
            ("trace,seedwork=info", "tokio_postgres=info"),
            ("info,tokio_postgres=debug", "tokio_postgres=debug"),
        ] {
            let filter = filter(log).unwrap().to_string();
            assert!(filter.split(',').any(|directive| directive == expected), "{log}: {filter}");
        }
    }

    #[test]
    fn malformed_requests_are_no_errors_in_the_log_by_default() {
        for (log, expected) in [
            ("info", "actix_http::h1::dispatcher=off"),
            ("actix_http=debug,warn", "actix_http::h1::dispatcher=off"),
            ("actix_http::h1::dispatcher=trace", "actix_http::h1::dispatcher=trace"),
        ] {
            let filter = filter(log).unwrap().to_string();
            assert!(filter.split(',').any(|directive| directive == expected), "{log}: {filter}");
        }
        assert!(filter("=,=").is_err());
    }
}
