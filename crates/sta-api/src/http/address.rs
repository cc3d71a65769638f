//! The address that a process listens on.

use crate::settings::Settings;
use anyhow::Context as _;
use seedwork::infrastructure::http;
use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

/// The address if `STA_LISTEN` is not set.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5_000);
/// An address whose port the system chooses.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Listens on the address of the settings. Clients that connect before the server runs wait for it.
///
/// If the default address is taken, a process without the task `http` listens on a free port, which it logs for its
/// operators. So several such processes run on one machine without further settings.
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
