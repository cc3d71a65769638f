//! What this context says to the world and what it handles: the Rust side of `schema/ingesta`.

pub mod consumed;
pub mod published;
mod refuse;
mod translate;
