//! The business, and nothing else: no library that talks to the world, nothing that waits.

pub mod cliente;
mod events;
pub mod expediente;

pub use events::ClientesEvent;
