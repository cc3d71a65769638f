//! Time as a dependency, so that a rule about time can be tested.

use chrono::{DateTime, SubsecRound, Utc};

/// A moment, in UTC, as fine as PostgreSQL and Avro keep it: microseconds.
pub type Instante = DateTime<Utc>;

/// Tells what time it is.
pub trait Clock: Send + Sync + 'static {
    /// This moment, cut to microseconds.
    fn now(&self) -> Instante;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is to be given")]
    fn now(&self) -> Instante {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that stands still: for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Instante);

impl Clock for FixedClock {
    fn now(&self) -> Instante {
        self.0
    }
}
