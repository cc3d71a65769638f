//! Logs on stderr, for people or for machines; stdout belongs to the commands.

use crate::settings::{LogFormat, Settings};
use anyhow::anyhow;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{EnvFilter, fmt};

/// Starts to log as the settings say.
///
/// # Errors
///
/// `RUST_LOG` is not a filter.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| anyhow!("RUST_LOG is not a filter: {error}"))?;
    let terminal = stderr().is_terminal();
    let format = settings.log_format.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let lines = fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Pretty => lines.with_ansi(terminal).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}
