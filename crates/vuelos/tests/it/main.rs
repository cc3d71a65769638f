//! The context on a real PostgreSQL, asked through its routes.

mod commands;
mod consumed;
mod lists;
mod server;
mod texts;
