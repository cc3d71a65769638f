//! `sta-api serve`: starts everything in order, and ends it in the opposite one.

use crate::{
    contexts,
    database::Server,
    http::{self, Context},
    settings::Settings,
};
use anyhow::Context as _;
use seedwork::infrastructure::{
    avro::Registry,
    broker::PgBroker,
    consumer::Consumer,
    module::Place,
    postgres::{self, CommitterSettings, Database},
    relay::{self, Relay},
    supervise::Supervisor,
};
use std::{io::Write, pin::pin, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// How long the tasks may take to end what they have begun.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
///
/// Something that is needed cannot be started.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let server = Server::start(&settings).await?;
    let supervisor = Supervisor::new();
    let outcome = tokio::select! {
        outcome = serve(&settings, &server, &supervisor) => outcome,
        () = server.keep_alive() => Ok(()),
    };
    if !supervisor.stop(DRAIN).await {
        tracing::warn!("some tasks did not end in time");
    }
    server.leave().await?;
    outcome
}

async fn serve(settings: &Settings, server: &Server, supervisor: &Supervisor) -> anyhow::Result<()> {
    postgres::check(server.url()).await?;
    postgres::migrate(server.url(), contexts::migrations(settings)).await?;
    let shared = Database::new(server.url(), "broker")?;
    let registry = Registry::open(shared.clone()).await?;
    let broker = PgBroker::new(shared, settings.topic_partitions);
    let committer = CommitterSettings { deadline: settings.deadline, ..CommitterSettings::default() };
    let mut running = Vec::new();
    for module in contexts::chosen(settings) {
        let database = Database::new(server.url(), module.name)?;
        let place = Place { database: database.clone(), committer, supervisor: supervisor.clone() };
        let started = (module.start)(&place).with_context(|| format!("cannot start {}", module.name))?;
        let relay = if settings.tasks.relay {
            Relay::start(database.clone(), broker.clone(), registry.clone(), started.log.clone(), supervisor)
        } else {
            relay::announce(database.clone(), started.log.clone(), supervisor)
        };
        if let Some(hearing) = started.hearing.clone().filter(|_| settings.tasks.consumers) {
            Consumer::start(database.clone(), broker.clone(), registry.clone(), hearing, supervisor);
        }
        running.push(Context { name: module.name, database, started, relay });
    }
    if !settings.tasks.http {
        say("sta-api runs without HTTP")?;
        return interrupted().await;
    }
    let (address, serving, ending) = http::start(settings, running)?;
    say(&format!("sta-api listens on http://{address}"))?;
    let handle = serving.handle();
    let mut serving = pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended"),
        outcome = interrupted() => outcome?,
    }
    tracing::info!("draining");
    ending.begin();
    // The server is what drains: it must still run while it is told to stop.
    let (ended, ()) = tokio::join!(serving, handle.stop(true));
    ended.context("the HTTP server ended")
}

/// The one thing that `serve` says on stdout, whatever the log level.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
///
/// Signals cannot be heard.
pub(crate) async fn interrupted() -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
