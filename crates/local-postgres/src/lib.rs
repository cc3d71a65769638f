//! A PostgreSQL server of one's own, with nothing installed: finds the binaries on the machine or downloads them, makes
//! a cluster in a folder, and runs a server on it for as long as somebody uses it.
//!
//! Processes that name the same data directory share one server. The first starts it, the others attach, and the last
//! one to leave stops it. They agree by locks of the system, which go with a process however it ends.
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
//! **Who gets in.** The server has no network port. Its socket lies in a folder that only the user who runs the server
//! can enter, and root; whoever can, is the superuser `postgres` without a password.
//!
//! **As root.** PostgreSQL refuses to be root, so it runs as the system's user `postgres`, or else `nobody`.
//!
//! **Server log.** Errors without details and statements, which hold values of rows. The number and the size of the
//! files are bounded. Error messages may quote values, too: a program that reports its own errors can set
//! `log_min_messages` in its sessions.
//!
//! **What it does not know.** Schemas, roles, migrations: those are the caller's, over [`LocalPostgres::url`].

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
