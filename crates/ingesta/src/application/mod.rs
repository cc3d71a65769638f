//! What can be asked of this context, and what the world hears of it.

pub mod commands;
mod fault;
mod handlers;
pub mod integration;
mod ports;
pub mod queries;

pub use fault::IngestaFault;
pub use handlers::Handlers;
pub use ports::{IngestaUow, Ingestas};
