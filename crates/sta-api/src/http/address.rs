//! The address of a process.

use crate::settings::Settings;
use anyhow::Context as _;
use seedwork::infrastructure::http;
use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

/// The address when none is stated.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5_000);
/// The system chooses the port.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Listens on the address of the settings. Clients that connect before the server runs wait for it.
///
/// A process without the task `http` takes a free port of the system when the default one is taken: its operators find it
/// in the log, and several such processes run on one machine without a word.
///
/// # Errors
///
/// The address cannot be listened on.
pub(crate) fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    let address = settings.listen.unwrap_or(DEFAULT);
    match http::listen(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && settings.listen.is_none() && !settings.tasks.http => {
            let listener = http::listen(FREE).context("cannot listen on a free port")?;
            let (taken, free) = (address, listener.local_addr()?);
            tracing::info!(%taken, address = %free, "the default address is taken, so a free port is used");
            Ok(listener)
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err(error).with_context(|| format!("cannot listen on {address}: end what uses it, or set STA_LISTEN"))
        }
        listener => listener.with_context(|| format!("cannot listen on {address}")),
    }
}
