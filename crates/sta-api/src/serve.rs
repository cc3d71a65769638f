//! `sta-api serve`: starts everything in order, and ends it in the opposite one.

use crate::{
    contexts,
    database::Server,
    http::{self, Context, Running},
    interrupts::Interrupts,
    registry,
    settings::{Settings, Tasks},
};
use anyhow::Context as _;
use seedwork::infrastructure::{
    avro::Registry,
    broker::{Broker, KafkaBroker, PgBroker},
    consumer::Consumer,
    module::ContextEnvironment,
    postgres::{self, CommitterSettings, ConnectionLimit, ConnectionNeeds, Database, Probe},
    relay::{self, Relay},
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
/// Something that is needed cannot be started.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut interrupts = Interrupts::listen()?;
    let connections = connections(&settings)?;
    // Comes before anything is started, so that a taken address is reported at once.
    let listener = http::listen(&settings)?;
    let mut starting = pin!(Server::start(&settings));
    let server = tokio::select! {
        server = &mut starting => server?,
        // A server that is half started would stay behind, so it is waited for, but not for a download.
        () = interrupts.next() => match tokio::time::timeout(START, starting).await {
            Ok(server) => return server?.leave(interrupts.deadline()).await,
            Err(_) => return Ok(()),
        },
    };
    let supervisor = Supervisor::new();
    let outcome = tokio::select! {
        outcome = serve(&settings, listener, &connections, &server, &supervisor, &mut interrupts) => outcome,
        () = server.keep_alive() => Ok(()),
    };
    // One deadline for the whole drain: the tasks get the time that the HTTP server did not need.
    let deadline = interrupts.deadline();
    if !supervisor.stop((deadline - LEAVE).saturating_duration_since(Instant::now())).await {
        tracing::warn!("some tasks did not end in time");
    }
    server.leave(deadline).await?;
    outcome
}

/// Returns the limit on database connections, shared out by what the process runs.
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
    interrupts: &mut Interrupts,
) -> anyhow::Result<()> {
    let running = tokio::select! {
        running = prepare(settings, connections, server, supervisor) => running?,
        () = interrupts.next() => return Ok(()),
    };
    let (address, serving, ending) = http::start(settings, listener, running, supervisor)?;
    say(&format!("sta-api listens on http://{address}"));
    let handle = serving.handle();
    let mut serving = pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended"),
        () = interrupts.next() => {}
    }
    tracing::info!("draining");
    ending.begin();
    // The server is what drains: it must still run while it is told to stop.
    let (ended, ()) = tokio::join!(serving, handle.stop(true));
    ended.context("the HTTP server ended")
}

/// Brings the schemas up to date, and starts the contexts.
async fn prepare(
    settings: &Settings,
    connections: &ConnectionLimit,
    server: &Server,
    supervisor: &Supervisor,
) -> anyhow::Result<Running> {
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

/// Starts the contexts, with a broker between them.
fn start<B: Broker>(
    settings: &Settings,
    database_of: impl Fn(&str) -> anyhow::Result<Database>,
    supervisor: &Supervisor,
    broker: B,
    registry: &Registry,
) -> anyhow::Result<Running> {
    let committer = CommitterSettings { deadline: settings.deadline, ..CommitterSettings::default() };
    let mut running = Vec::new();
    for module in contexts::chosen(settings) {
        let database = database_of(module.name)?;
        let environment = ContextEnvironment { database: database.clone(), committer, supervisor: supervisor.clone() };
        let running_context = (module.start)(&environment).with_context(|| format!("cannot start {}", module.name))?;
        let relay = if settings.tasks.relay {
            Relay::start(database.clone(), broker.clone(), registry.clone(), running_context.log.clone(), supervisor)
        } else {
            relay::notify_commits(database.clone(), running_context.log.clone(), supervisor)
        };
        let consumer =
            running_context.subscriptions.clone().filter(|_| settings.tasks.consumers).map(|subscriptions| {
                Consumer::start(database.clone(), broker.clone(), registry.clone(), subscriptions, supervisor)
            });
        running.push(Context {
            name: module.name,
            probe: Arc::new(Probe::new(database)),
            running: running_context,
            relay,
            consumer,
        });
    }
    Ok(Running { broker: B::NAME, contexts: running })
}

/// Writes the only line that `serve` prints to stdout, whatever the log level. If stdout cannot be written, the line is
/// logged.
fn say(line: &str) {
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        tracing::warn!(%error, line, "stdout cannot be written");
    }
}
