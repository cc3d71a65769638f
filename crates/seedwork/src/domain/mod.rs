//! The building blocks of a domain model. Nothing here does I/O, is asynchronous or reads a global clock.

mod aggregate;
mod characters;
mod choice;
mod clock;
mod id;
mod rules;
mod specification;
mod text;
mod transitions;

pub use aggregate::{Aggregate, Recorded, Version};
pub use characters::{is_prose, is_visible, normalize};
pub use choice::Choice;
pub use clock::{Clock, FixedClock, SystemClock, Timestamp, to_micros};
pub use id::Id;
pub use rules::{BrokenRule, Violation, Violations};
pub use seedwork_derive::Aggregate;
pub use specification::Specification;
