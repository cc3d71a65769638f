//! The clock as a dependency, so that rules about time can be tested.

use chrono::{DateTime, Utc};

/// A moment in UTC, with the precision of PostgreSQL and Avro: microseconds.
pub type Timestamp = DateTime<Utc>;

/// Truncates a timestamp to microseconds. A leap second (`23:59:60`) becomes the second after it: PostgreSQL and Avro
/// have none.
///
/// ```
/// use seedwork::domain::{Timestamp, to_micros};
/// let [leap, next] = ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"].map(|text| text.parse::<Timestamp>().unwrap());
/// assert_eq!(to_micros(leap), next);
/// ```
pub fn to_micros(time: Timestamp) -> Timestamp {
    // Every timestamp of chrono fits into 64 bits of microseconds.
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time, truncated to microseconds.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one clock that the others are injected with")]
    fn now(&self) -> Timestamp {
        to_micros(Utc::now())
    }
}

/// A clock that stands still, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
