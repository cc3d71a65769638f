//! The kit of the workspace's tests: processes, scenarios and guards. The tests are in `tests/tests`, one file per concern.

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
