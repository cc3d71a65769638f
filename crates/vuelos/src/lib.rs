//! The context that books flights: what a cliente asks for, and what becomes of it.
//!
//! * [`domain`]: the aggregate `Reserva`, its itinerarios, its states and its rules.
//! * [`application`]: its commands, queries and reactions, one file each, and its side of the published language.
//! * `infrastructure` (feature `infrastructure`, on by default): its tables, its HTTP routes and its messages.
//!
//! Without the feature no adapter can be named: `cargo test -p vuelos --no-default-features` holds the two inner
//! layers to that, and takes seconds.

#![expect(missing_docs, reason = "nobody outside the workspace uses it: names say enough")]

pub mod application;
pub mod domain;
#[cfg(feature = "infrastructure")]
pub mod infrastructure;
