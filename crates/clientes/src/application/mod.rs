//! The use cases and reactions of this context, and its side of the published language.

pub mod commands;
mod fault;
mod handlers;
pub mod integration;
mod ports;
pub mod projections;
pub mod queries;
mod reactions;
#[cfg(test)]
mod world;

pub use fault::ClientesFault;
pub use handlers::Handlers;
pub use ports::{Clientes, ClientesUow, Expedientes};
