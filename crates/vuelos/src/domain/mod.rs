//! The business rules. Synchronous, and without any library that talks to the world.

pub mod reserva;
