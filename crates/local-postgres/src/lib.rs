//! A private PostgreSQL server with nothing installed: finds or downloads the binaries, creates a cluster in a folder, and
//! runs a server on it while a process uses it.
//!
//! Processes with the same data directory share one server. The first starts it, the others attach, and the last to leave
//! stops it. They coordinate by file locks, which end with a process in whatever way it ends.
//!
//! ```no_run
//! use local_postgres::{LocalPostgres, Settings};
//!
//! # async fn example() -> Result<(), local_postgres::Error> {
//! let postgres = LocalPostgres::start(Settings::new("./data")).await?;
//! println!("{}", postgres.url());
//! tokio::select! {
//!     never = postgres.keep_alive() => match never {},
//!     _ = tokio::signal::ctrl_c() => {}
//! }
//! postgres.stop().await
//! # }
//! ```
//!
//! **Access.** The server has no network port. Only the user who runs the server, and root, can enter the folder of its
//! socket. They connect as the superuser `postgres` without a password.
//!
//! **As root.** PostgreSQL refuses to run as root, so it runs as the system's user `postgres`, or else `nobody`.
//!
//! **Server log.** Errors without details and statements, which hold values of rows. The number and the size of the
//! files are bounded. Error messages may quote values, too: a program that reports its own errors can set
//! `log_min_messages` in its sessions.
//!
//! **Out of scope.** Schemas, roles and migrations are the caller's, over [`LocalPostgres::url`].

mod account;
mod binaries;
mod download;
mod error;
mod home;
mod initdb;
mod local_postgres;
mod log;
mod parameters;
mod postmaster;
mod processes;
mod provide;
mod server;
mod settings;

pub use binaries::{Binaries, Search, find_binaries};
pub use error::Error;
pub use local_postgres::LocalPostgres;
pub use settings::Settings;
