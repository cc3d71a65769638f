//! Time as a dependency, so that a rule about time can be tested.

use chrono::{DateTime, Utc};

/// A moment in UTC, with the precision of PostgreSQL and Avro: microseconds.
pub type Timestamp = DateTime<Utc>;

/// Cuts a moment to microseconds. A leap second (`23:59:60`) becomes the second after it: neither PostgreSQL nor Avro
/// has one.
///
/// ```
/// use seedwork::domain::{Timestamp, to_micros};
/// let [leap, next] = ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"].map(|text| text.parse::<Timestamp>().unwrap());
/// assert_eq!(to_micros(leap), next);
/// ```
pub fn to_micros(time: Timestamp) -> Timestamp {
    // Every moment that chrono has is within the range of microseconds in 64 bits.
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// Tells what time it is.
pub trait Clock: Send + Sync + 'static {
    /// This moment, cut to microseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is to be given")]
    fn now(&self) -> Timestamp {
        to_micros(Utc::now())
    }
}

/// A clock that stands still: for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
