//! The context on a real PostgreSQL, asked through its routes.

mod commands;
mod defects;
mod lists;
mod recovery;
mod server;
mod texts;
