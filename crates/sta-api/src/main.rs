//! The STA service: `serve` (the default), and the operators' commands.

mod contexts;
mod database;
mod events;
mod http;
mod interrupts;
mod registry;
mod serve;
mod settings;
mod telemetry;

use clap::{Parser, Subcommand};
use database::Server;
use interrupts::{DRAIN, Interrupts};
use seedwork::infrastructure::{
    avro::Registry,
    broker::{Broker, KafkaBroker, PgBroker},
    postgres::{self, Database},
};
use settings::Settings;
use std::{
    io::{Write as _, stderr},
    process::ExitCode,
    time::Duration,
};
use tokio::time::Instant;

/// A request is many small allocations that one thread makes and another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The longest time that the runtime may take to end.
const END: Duration = Duration::from_secs(1);

/// SaludTech de los Alpes: takes in medical images. Settings come from the environment; see `.env.example`.
#[derive(Parser)]
#[command(name = "sta-api", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve HTTP and relay events, until a signal ends it (the default).
    Serve,
    /// Bring the schemas of the database up to date.
    Migrate,
    /// Look at topics, and write to them by hand.
    #[command(subcommand)]
    Events(Events),
}

#[derive(Subcommand)]
enum Events {
    /// Print a topic's messages as JSON lines.
    Tail(events::Tail),
    /// Write JSON lines from stdin to a topic.
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
            server.leave(Instant::now() + DRAIN).await?;
            migrated
        }
        Command::Events(events) => {
            let server = Server::start(&settings).await?;
            let mut interrupts = Interrupts::listen()?;
            let outcome = run(events, &settings, &server, &mut interrupts).await;
            server.leave(interrupts.deadline()).await?;
            outcome
        }
    }
}

async fn run(events: Events, settings: &Settings, server: &Server, interrupts: &mut Interrupts) -> anyhow::Result<()> {
    let shared = Database::new(server.url(), "broker")?;
    let opening = async {
        postgres::migrate(server.url(), Vec::new()).await?;
        registry::open(settings, shared.clone(), &[]).await
    };
    let registry = tokio::select! {
        registry = opening => registry?,
        () = interrupts.next() => return Ok(()),
    };
    match &settings.kafka {
        Some(kafka) => look(events, &KafkaBroker::new(kafka.clone(), shared), registry, interrupts).await,
        None => look(events, &PgBroker::new(shared, settings.topic_partitions), registry, interrupts).await,
    }
}

async fn look(
    events: Events,
    broker: &impl Broker,
    registry: Registry,
    interrupts: &mut Interrupts,
) -> anyhow::Result<()> {
    match events {
        Events::Tail(tail) => tokio::select! {
            outcome = tail.run(broker, registry) => outcome,
            () = interrupts.next() => Ok(()),
        },
        Events::Send(send) => send.run(broker, registry, interrupts).await,
    }
}
