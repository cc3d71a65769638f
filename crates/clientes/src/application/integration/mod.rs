//! What this context says to the world and what it hears: the Rust side of `schema/clientes`, and of what it needs of
//! `schema/vuelos`.

pub mod consumed;
pub mod published;
mod translate;
