//! The business, and nothing else: no library that talks to the world, nothing that waits.

pub mod reserva;
