//! What no crate can prove alone. The tests are in `tests/tests`, one file per concern; here is what they share.

pub mod clientes;
pub mod foreign;
pub mod guard;
pub mod load;
pub mod place;
pub mod scenarios;
pub mod sta;
pub mod stack;
pub mod topics;
pub mod vuelos;
