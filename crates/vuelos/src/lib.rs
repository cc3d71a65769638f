//! The context of flights: a cliente asks for a reserva, which is approved, paid or cancelled.
//!
//! * [`domain`]: the aggregate `Reserva`, its itinerarios, its states and its rules.
//! * [`application`]: its commands, queries and reactions, one file each, and its side of the published language.
//! * `infrastructure` (feature `infrastructure`, on by default): its tables, its HTTP routes and its messages.
//!
//! Without the feature no adapter can be named: `cargo test -p vuelos --no-default-features` holds the two inner
//! layers to that, and takes seconds.

#![expect(missing_docs, reason = "used only inside the workspace: names are enough")]

pub mod application;
pub mod domain;
#[cfg(feature = "infrastructure")]
pub mod infrastructure;
