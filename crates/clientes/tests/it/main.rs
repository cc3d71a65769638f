//! The context on a real PostgreSQL, asked through its routes.

mod commands;
mod heard;
mod lists;
mod server;
mod texts;
mod unique;
