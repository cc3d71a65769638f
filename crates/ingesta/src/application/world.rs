//! The context over memory, for tests of its use cases.

use super::Handlers;
use crate::domain::ingesta::examples::AHORA;
use seedwork::{domain::FixedClock, testing::World};

/// The world in which it is [`AHORA`] and nothing has happened.
pub(crate) fn world() -> World<Handlers> {
    World::new(Handlers::new(FixedClock(AHORA)))
}
