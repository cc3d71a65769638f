//! What a team needs to test a context.
//!
//! [`World`] runs commands on a fake unit of work: no database, no waiting, the same bus as in production.
//! `TestDatabase` (feature `testing-postgres`) is a real PostgreSQL for one test, [`eventually`] waits for a condition.

#[cfg(feature = "testing-postgres")]
pub mod broker;
#[cfg(feature = "testing-postgres")]
mod database;
#[cfg(feature = "infrastructure")]
mod eventually;
mod fake;
mod world;

#[cfg(feature = "testing-postgres")]
pub use database::TestDatabase;
#[cfg(feature = "infrastructure")]
pub use eventually::eventually;
pub use fake::{FakeUnitOfWork, FakeUnits};
pub use world::World;
