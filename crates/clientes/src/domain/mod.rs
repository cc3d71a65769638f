//! The business rules. Synchronous, and without any library that talks to the world.

pub mod cliente;
mod events;
pub mod expediente;

pub use events::ClientesEvent;
