//! The published language of this context: the records that it publishes and consumes.

pub mod consumed;
pub mod itinerario;
pub mod published;
