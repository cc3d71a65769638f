//! The adapters of vuelos: its tables, its HTTP routes and its messages.

mod http;
mod module;
mod reads;
mod tables;

pub use module::module;
