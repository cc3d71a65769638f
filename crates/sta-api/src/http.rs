//! The HTTP server: the contexts' routes, and what an operator and a reader of the API need.

mod address;
mod clients;
mod ending;
mod health;
mod metrics;
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
use ending::Ending;
use seedwork::infrastructure::{
    consumer::ConsumerState,
    http::{self, Limits, Routes, around, fallback},
    module::RunningContext,
    postgres::Probe,
    relay::RelayState,
    supervise::Supervisor,
};
use spec::Spec;
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::sync::watch;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// A context that runs, as far as the server shows it.
#[derive(Clone)]
pub(crate) struct Context {
    /// Its name.
    pub(crate) name: &'static str,
    /// Asks its database whether commands can be committed.
    pub(crate) probe: Arc<Probe>,
    /// Its routes and its log.
    pub(crate) running: RunningContext,
    /// Its relay.
    pub(crate) relay: watch::Receiver<RelayState>,
    /// Its consumer, when this process has it.
    pub(crate) consumer: Option<watch::Receiver<ConsumerState>>,
}

/// What runs, as far as the server shows it.
#[derive(Clone)]
pub(crate) struct Running {
    /// What the broker between the contexts is called.
    pub(crate) broker: &'static str,
    /// The contexts.
    pub(crate) contexts: Vec<Context>,
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
    running: Running,
    supervisor: &Supervisor,
) -> anyhow::Result<(SocketAddr, Server, Ending)> {
    let recorder = Data::new(metrics::record(supervisor)?);
    let is_whole = settings.tasks.http;
    let document = spec::document(|config| routes(is_whole, &running.contexts, config));
    let mut known = Routes::of(&document);
    if is_whole {
        for page in ["/", "/docs", "/docs/{file:.*}"] {
            known = known.with(page, &[Method::GET]);
        }
        for context in &running.contexts {
            known = known
                .with(&format!("/{}/health", context.name), &[Method::GET])
                .with(&format!("/{}/spec", context.name), &[Method::GET]);
        }
    }
    let (known, document, running) = (Data::new(known), Data::new(Spec::of(&document)?), Data::new(running));
    let limits = Limits { body: settings.body_limit, deadline: settings.deadline };
    let (address, ending) = (listener.local_addr()?, Ending::default());
    let told = ending.clone();
    let server = http::serve(listener, clients::limits()?, move || {
        let ending = told.clone();
        App::new()
            .into_utoipa_app()
            .app_data(limits)
            .app_data(known.clone())
            .app_data(document.clone())
            .app_data(recorder.clone())
            .app_data(running.clone())
            .configure(|config| routes(is_whole, &running.contexts, config))
            .into_app()
            .configure(|config| {
                if is_whole {
                    documents(&running.contexts, config);
                }
            })
            .default_service(web::to(fallback))
            .wrap(from_fn(around))
            .wrap_fn(move |request, next| ending.clone().around(next.call(request)))
    })?;
    Ok((address, server, ending))
}

/// Adds every route of the OpenAPI document, or only those for operators unless `is_whole`.
fn routes(is_whole: bool, contexts: &[Context], config: &mut ServiceConfig<'_>) {
    if is_whole {
        for context in contexts {
            context.running.routes(config);
        }
    }
    config.service(health::live).service(health::ready).service(metrics::scrape);
    if is_whole {
        config.service(spec::describe);
    }
}

/// Adds the page that shows the document, redirects to it, and `/<context>/health` and `/<context>/spec`, which the original
/// services had. They are not in the document: it describes the API, not its pages and not the same answers twice.
fn documents(contexts: &[Context], config: &mut web::ServiceConfig) {
    for context in contexts {
        config.route(&format!("/{}/health", context.name), web::get().to(health::up));
        config.route(&format!("/{}/spec", context.name), web::get().to(spec::answer));
    }
    config.service(web::redirect("/", "/docs/")).service(web::redirect("/docs", "/docs/"));
    config.service(SwaggerUi::new("/docs/{file:.*}").config(Config::from("/spec")));
}
