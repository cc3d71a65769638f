//! The adapters of clientes: tables, answers to queries, HTTP routes and messages.

mod http;
mod module;
mod queries;
mod tables;

pub use module::module;
