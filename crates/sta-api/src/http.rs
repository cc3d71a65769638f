//! The HTTP server: the routes of the contexts, those for operators, and the pages of the API.

mod address;
mod connection_limits;
mod health;
mod metrics;
mod shutdown;
mod spec;

use crate::settings::Settings;
use actix_web::{
    App,
    dev::{Server, Service},
    http::Method,
    middleware::from_fn,
    web::{self, Data},
};
pub(crate) use address::listen;
use seedwork::infrastructure::{
    consumer::ConsumerState,
    http::{self, Limits, Routes, fallback, middleware},
    module::RunningContext,
    postgres::Probe,
    relay::RelayState,
    supervise::Supervisor,
};
use shutdown::Shutdown;
use spec::Spec;
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::sync::watch;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The parts of a running context that the server shows.
#[derive(Clone)]
pub(crate) struct ContextState {
    /// Its name.
    pub(crate) name: &'static str,
    /// Probes its database for readiness.
    pub(crate) probe: Arc<Probe>,
    /// Its routes and its log.
    pub(crate) running: RunningContext,
    /// Its relay.
    pub(crate) relay: watch::Receiver<RelayState>,
    /// Its consumer, if this process runs it.
    pub(crate) consumer: Option<watch::Receiver<ConsumerState>>,
}

/// The state behind the routes for operators.
#[derive(Clone)]
pub(crate) struct AppState {
    /// The name of the broker between the contexts.
    pub(crate) broker: &'static str,
    /// The contexts.
    pub(crate) contexts: Vec<ContextState>,
}

/// Starts the server. Returns its address, the future that runs until it ends, and the flag that makes its answers
/// close their connections. Without the task `http`, it serves only the routes for operators.
///
/// # Errors
///
/// The address cannot be listened on.
pub(crate) fn start(
    settings: &Settings,
    listener: TcpListener,
    state: AppState,
    supervisor: &Supervisor,
) -> anyhow::Result<(SocketAddr, Server, Shutdown)> {
    let recorder = Data::new(metrics::record(supervisor)?);
    let has_api = settings.tasks.http;
    let document = spec::document(|config| routes(has_api, &state.contexts, config));
    let mut known = Routes::of(&document);
    if has_api {
        for page in ["/", "/docs", "/docs/{file:.*}"] {
            known = known.with(page, &[Method::GET]);
        }
        for context in &state.contexts {
            known = known
                .with(&format!("/{}/health", context.name), &[Method::GET])
                .with(&format!("/{}/spec", context.name), &[Method::GET]);
        }
    }
    let (known, document, state) = (Data::new(known), Data::new(Spec::of(&document)?), Data::new(state));
    let limits = Limits { body: settings.body_limit, deadline: settings.deadline };
    let (address, shutdown) = (listener.local_addr()?, Shutdown::default());
    let flag = shutdown.clone();
    let server = http::serve(listener, connection_limits::limits()?, move || {
        let shutdown = flag.clone();
        App::new()
            .into_utoipa_app()
            .app_data(limits)
            .app_data(known.clone())
            .app_data(document.clone())
            .app_data(recorder.clone())
            .app_data(state.clone())
            .configure(|config| routes(has_api, &state.contexts, config))
            .into_app()
            .configure(|config| {
                if has_api {
                    documents(&state.contexts, config);
                }
            })
            .default_service(web::to(fallback))
            .wrap(from_fn(middleware))
            .wrap_fn(move |request, next| shutdown.clone().close_connections(next.call(request)))
    })?;
    Ok((address, server, shutdown))
}

/// Adds every route of the OpenAPI document, or only those for operators unless `has_api`.
fn routes(has_api: bool, contexts: &[ContextState], config: &mut ServiceConfig<'_>) {
    if has_api {
        for context in contexts {
            context.running.routes(config);
        }
    }
    config.service(health::live).service(health::ready).service(metrics::scrape);
    if has_api {
        config.service(spec::describe);
    }
}

/// Adds the page that shows the document, redirects to it, and `/<context>/health` and `/<context>/spec`, which the original
/// services had. They are not in the document: it describes the API, not its pages and not the same answers twice.
fn documents(contexts: &[ContextState], config: &mut web::ServiceConfig) {
    for context in contexts {
        config.route(&format!("/{}/health", context.name), web::get().to(health::up));
        config.route(&format!("/{}/spec", context.name), web::get().to(spec::answer));
    }
    config.service(web::redirect("/", "/docs/")).service(web::redirect("/docs", "/docs/"));
    config.service(SwaggerUi::new("/docs/{file:.*}").config(Config::from("/spec")));
}
