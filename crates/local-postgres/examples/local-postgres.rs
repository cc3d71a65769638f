//! Runs a server by hand: `cargo run -p local-postgres --example local-postgres -- ./data` starts or attaches, prints the
//! address, and leaves on Ctrl-C.
#![expect(clippy::print_stdout, reason = "it is for a person to read")]

use std::time::Instant;

use local_postgres::{Error, LocalPostgres, Settings};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut settings = Settings::new(std::env::args_os().nth(1).unwrap_or_else(|| "./.local-postgres".into()));
    settings.data_dir_is_default = std::env::args_os().nth(1).is_none();
    let begun = Instant::now();
    let postgres = LocalPostgres::start(settings).await?;
    println!("up after {:?}\n{}\n{}\nCtrl-C leaves", begun.elapsed(), postgres.url(), postgres.psql());
    tokio::select! {
        never = postgres.keep_alive() => match never {},
        _ = tokio::signal::ctrl_c() => {}
    }
    postgres.stop().await
}
