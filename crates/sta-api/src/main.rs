//! The STA service: `serve` (the default), and the operators' commands.

mod contexts;
mod database;
mod events;
mod http;
mod registry;
mod serve;
mod settings;
mod shutdown_signals;
mod telemetry;

use clap::{Parser, Subcommand};
use database::Server;
use seedwork::infrastructure::{
    broker::{Broker, KafkaBroker, PgBroker},
    postgres::{self, Database},
    schema_registry::Registry,
};
use settings::Settings;
use shutdown_signals::{DRAIN, ShutdownSignals};
use std::{
    io::{Write as _, stderr},
    process::ExitCode,
    time::Duration,
};
use tokio::time::Instant;

/// A request is many small allocations that one thread makes and another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The longest time that the runtime may take to shut down.
const END: Duration = Duration::from_secs(1);

/// SaludTech de los Alpes: medical images, clients and flights. Settings are environment variables; see `.env.example`.
#[derive(Parser)]
#[command(name = "sta-api", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, relay events and consume messages until a signal (the default).
    Serve,
    /// Migrate the database.
    Migrate,
    /// Read topics, or write to them by hand.
    #[command(subcommand)]
    Events(Events),
}

#[derive(Subcommand)]
enum Events {
    /// Print the messages of a topic as JSON lines.
    Tail(events::Tail),
    /// Send JSON lines from stdin to a topic.
    Send(events::Send),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = execute(arguments.command.unwrap_or(Command::Serve));
    telemetry::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that `Debug` of an error has. A failed write to stderr cannot be reported anywhere.
            let _ = writeln!(stderr(), "Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    let settings = Settings::from_env(&contexts::names())?;
    telemetry::start(&settings)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(start(command, settings));
    // Threads that still block after this time are abandoned.
    runtime.shutdown_timeout(END);
    outcome
}

async fn start(command: Command, settings: Settings) -> anyhow::Result<()> {
    match command {
        Command::Serve => serve::run(settings).await,
        Command::Migrate => {
            let server = Server::start(&settings).await?;
            let migrated = postgres::migrate(server.url(), contexts::migrations(&settings)).await;
            server.release(Instant::now() + DRAIN).await?;
            migrated
        }
        Command::Events(events) => {
            let server = Server::start(&settings).await?;
            let mut signals = ShutdownSignals::install()?;
            let outcome = run(events, &settings, &server, &mut signals).await;
            server.release(signals.deadline()).await?;
            outcome
        }
    }
}

async fn run(
    events: Events,
    settings: &Settings,
    server: &Server,
    signals: &mut ShutdownSignals,
) -> anyhow::Result<()> {
    let shared = Database::new(server.url(), "broker")?;
    let opening = async {
        postgres::migrate(server.url(), Vec::new()).await?;
        registry::open(settings, shared.clone(), &[]).await
    };
    let registry = tokio::select! {
        registry = opening => registry?,
        () = signals.recv() => return Ok(()),
    };
    match &settings.kafka {
        Some(kafka) => run_with(events, &KafkaBroker::new(kafka.clone(), shared), registry, signals).await,
        None => run_with(events, &PgBroker::new(shared, settings.topic_partitions), registry, signals).await,
    }
}

async fn run_with(
    events: Events,
    broker: &impl Broker,
    registry: Registry,
    signals: &mut ShutdownSignals,
) -> anyhow::Result<()> {
    match events {
        Events::Tail(tail) => tokio::select! {
            outcome = tail.run(broker, registry) => outcome,
            () = signals.recv() => Ok(()),
        },
        Events::Send(send) => send.run(broker, registry, signals).await,
    }
}
