//! The context of medical images: a provider hands one in for a patient, and it is processed.
//!
//! * [`domain`]: the aggregate `Ingesta`, its states and its rules.
//! * [`application`]: its commands and queries, one file each, and its side of the published language.
//! * `infrastructure` (feature `infrastructure`, on by default): its tables, its HTTP routes and its messages.
//!
//! Without the feature no adapter can be named: `cargo test -p ingesta --no-default-features` holds the two inner
//! layers to that, and takes seconds.

#![expect(missing_docs, reason = "used only inside the workspace: names are enough")]

pub mod application;
pub mod domain;
#[cfg(feature = "infrastructure")]
pub mod infrastructure;
