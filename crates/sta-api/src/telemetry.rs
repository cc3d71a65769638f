//! Logs on stderr, for people or for machines; stdout belongs to the commands.

use crate::settings::{LogFormat, Settings};
use anyhow::anyhow;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{EnvFilter, fmt};

/// What of the libraries is not logged unless somebody asks for it by this very name: the HTTP server tells of each
/// client that sends garbage as of an error of its own.
const QUIET: &str = "actix_http::h1::dispatcher=off";

fn filter(log: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("{QUIET},{log}")).map_err(|error| anyhow!("RUST_LOG is not a filter: {error}"))
}

/// Starts to log as the settings say.
///
/// # Errors
///
/// `RUST_LOG` is not a filter.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = filter(&settings.log)?;
    let terminal = stderr().is_terminal();
    let format = settings.log_format.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let lines = fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Pretty => lines.with_ansi(terminal).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_wrong_is_no_error_in_the_log_unless_asked_for() {
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
