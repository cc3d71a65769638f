//! The adapters of vuelos: tables, answers to queries, HTTP routes and messages.

mod http;
mod json;
mod module;
mod pendientes;
mod queries;
mod tables;

pub use module::module;
