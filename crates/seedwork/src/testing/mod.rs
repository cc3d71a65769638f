//! What a team needs to test a context.
//!
//! [`World`] runs commands on a fake unit of work: no database, no waiting, the same bus as in production.

mod fake;
mod world;

pub use fake::{FakeUnitOfWork, FakeUnits};
pub use world::World;
