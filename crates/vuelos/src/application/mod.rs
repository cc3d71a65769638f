//! What can be asked of this context, what it does about what others say, and what the world hears of it.

pub mod commands;
mod fault;
mod handlers;
pub mod integration;
mod ports;
pub mod queries;
mod reactions;

pub use fault::VuelosFault;
pub use handlers::Handlers;
pub use ports::{Reservas, VuelosUow};
