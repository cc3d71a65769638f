//! What can be asked of this context, and what the world hears of it.

pub mod commands;
mod fault;
mod handlers;
pub mod integration;
mod ports;
pub mod projections;
pub mod queries;
mod reactions;

pub use fault::ClientesFault;
pub use handlers::Handlers;
pub use ports::{Clientes, ClientesUow, Expedientes};
