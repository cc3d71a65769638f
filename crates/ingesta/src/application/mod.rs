//! The use cases of this context, and its side of the published language.

pub mod commands;
mod fault;
mod handlers;
pub mod integration;
mod ports;
pub mod queries;
#[cfg(test)]
mod world;

pub use fault::IngestaFault;
pub use handlers::Handlers;
pub use ports::{IngestaUow, Ingestas};
