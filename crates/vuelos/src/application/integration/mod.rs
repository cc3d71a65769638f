//! What this context says to the world, what it hears and what it handles: the Rust side of `schema/vuelos`.

pub mod consumed;
pub mod itinerario;
pub mod published;
mod refuse;
mod translate;
