//! The HTTP server: the contexts' routes, and what an operator and a reader of the API need.

mod health;
mod metrics;

use crate::settings::Settings;
use actix_web::{App, HttpServer, dev::Server, middleware::NormalizePath, web};
use anyhow::Context as _;
use seedwork::infrastructure::{module::Started, postgres::Database, relay::RelayState};
use std::{net::SocketAddr, time::Duration};
use tokio::sync::watch;

/// A context that runs, as far as the server shows it.
#[derive(Clone)]
pub(crate) struct Context {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its schema.
    pub(crate) database: Database,
    /// Its routes and its log.
    pub(crate) started: Started,
    /// Its relay.
    pub(crate) relay: watch::Receiver<RelayState>,
}

/// Starts to listen; answers where, and what runs until the server ends.
///
/// # Errors
///
/// The address cannot be listened on.
pub(crate) fn start(settings: &Settings, contexts: Vec<Context>) -> anyhow::Result<(SocketAddr, Server)> {
    todo!()
}
