//! `sta-api serve`: starts the parts of the process in order, and ends them in reverse order.

use crate::{
    contexts,
    database::Server,
    http::{self, AppState, ContextState},
    registry,
    settings::{Settings, Tasks},
    shutdown_signals::ShutdownSignals,
};
use anyhow::Context as _;
use seedwork::infrastructure::{
    broker::{Broker, KafkaBroker, PgBroker},
    consumer::Consumer,
    module::ContextEnvironment,
    postgres::{self, CommitterSettings, ConnectionLimit, ConnectionNeeds, Database, Probe},
    relay::{self, Relay},
    schema_registry::Registry,
    supervise::Supervisor,
};
use std::{io::Write, net::TcpListener, pin::pin, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The longest time that the embedded server may take to start after a signal to end.
const START: Duration = Duration::from_secs(8);
/// The part of the drain that is kept for the end of the embedded server.
const LEAVE: Duration = Duration::from_secs(4);

/// Serves until a signal ends it.
///
/// # Errors
///
/// A part cannot be started.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut signals = ShutdownSignals::install()?;
    let connections = connections(&settings)?;
    // Comes before anything is started, so that a taken address is reported at once.
    let listener = http::listen(&settings)?;
    let mut starting = pin!(Server::start(&settings));
    let server = tokio::select! {
        server = &mut starting => server?,
        // A half-started server would stay behind. So its start is waited for, but no download.
        () = signals.recv() => match tokio::time::timeout(START, starting).await {
            Ok(server) => return server?.release(signals.deadline()).await,
            Err(_) => return Ok(()),
        },
    };
    let supervisor = Supervisor::new();
    let outcome = tokio::select! {
        outcome = serve(&settings, listener, &connections, &server, &supervisor, &mut signals) => outcome,
        () = server.keep_alive() => Ok(()),
    };
    // One deadline for the whole drain: the tasks get the time that the HTTP server did not need.
    let deadline = signals.deadline();
    if !supervisor.stop((deadline - LEAVE).saturating_duration_since(Instant::now())).await {
        tracing::warn!("some tasks did not end in time");
    }
    server.release(deadline).await?;
    outcome
}

/// Returns the limit on database connections, divided among the parts of the process.
fn connections(settings: &Settings) -> anyhow::Result<ConnectionLimit> {
    let Some(limit) = settings.database_connections else { return Ok(ConnectionLimit::default()) };
    let Tasks { relay, consumers, .. } = settings.tasks;
    let needs = ConnectionNeeds { contexts: contexts::chosen(settings).len(), relay, consumers };
    ConnectionLimit::new(limit, needs).context("STA_DATABASE_CONNECTIONS")
}

async fn serve(
    settings: &Settings,
    listener: TcpListener,
    connections: &ConnectionLimit,
    server: &Server,
    supervisor: &Supervisor,
    signals: &mut ShutdownSignals,
) -> anyhow::Result<()> {
    let state = tokio::select! {
        state = prepare(settings, connections, server, supervisor) => state?,
        () = signals.recv() => return Ok(()),
    };
    let (address, serving, shutdown) = http::start(settings, listener, state, supervisor)?;
    print_line(&format!("sta-api listens on http://{address}"));
    let handle = serving.handle();
    let mut serving = pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended"),
        () = signals.recv() => {}
    }
    tracing::info!("draining");
    shutdown.begin();
    // The server drains, so it must still be polled while it stops.
    let (ended, ()) = tokio::join!(serving, handle.stop(true));
    ended.context("the HTTP server ended")
}

/// Migrates the database and starts the contexts.
async fn prepare(
    settings: &Settings,
    connections: &ConnectionLimit,
    server: &Server,
    supervisor: &Supervisor,
) -> anyhow::Result<AppState> {
    postgres::verify_server(server.url()).await?;
    postgres::migrate(server.url(), contexts::migrations(settings)).await?;
    let database_of = |context: &str| Database::with_limit(server.url(), context, connections);
    let shared = database_of("broker")?;
    postgres::watch_connection_usage(shared.clone(), supervisor);
    let names: Vec<_> = contexts::chosen(settings).iter().map(|module| module.name).collect();
    let registry = registry::open(settings, shared.clone(), &names).await?;
    match &settings.kafka {
        Some(kafka) => start(settings, database_of, supervisor, KafkaBroker::new(kafka.clone(), shared), &registry),
        None => start(settings, database_of, supervisor, PgBroker::new(shared, settings.topic_partitions), &registry),
    }
}

/// Starts the contexts on a broker.
fn start<B: Broker>(
    settings: &Settings,
    database_of: impl Fn(&str) -> anyhow::Result<Database>,
    supervisor: &Supervisor,
    broker: B,
    registry: &Registry,
) -> anyhow::Result<AppState> {
    let committer = CommitterSettings { deadline: settings.deadline, ..CommitterSettings::default() };
    let mut contexts = Vec::new();
    for module in contexts::chosen(settings) {
        let database = database_of(module.name)?;
        let environment = ContextEnvironment { database: database.clone(), committer, supervisor: supervisor.clone() };
        let running = module.start(&environment).with_context(|| format!("cannot start {}", module.name))?;
        let relay = if settings.tasks.relay {
            Relay::start(database.clone(), broker.clone(), registry.clone(), running.log.clone(), supervisor)
        } else {
            relay::notify_commits(database.clone(), running.log.clone(), supervisor)
        };
        let consumer = running.subscriptions.clone().filter(|_| settings.tasks.consumers).map(|subscriptions| {
            Consumer::start(database.clone(), broker.clone(), registry.clone(), subscriptions, supervisor)
        });
        contexts.push(ContextState {
            name: module.name,
            probe: Arc::new(Probe::new(database)),
            running,
            relay,
            consumer,
        });
    }
    Ok(AppState { broker: B::NAME, contexts })
}

/// Writes the only line that `serve` prints to stdout, whatever the log level. If stdout cannot be written, the line is
/// logged.
fn print_line(line: &str) {
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        tracing::warn!(%error, line, "stdout cannot be written");
    }
}
