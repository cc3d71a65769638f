//! The context that keeps the clients: who they are, and the file (`expediente`) that is kept on each.
//!
//! * [`domain`]: the aggregates `Cliente` and `Expediente`, their states and their rules.
//! * [`application`]: its commands, queries and reactions, one file each, and its side of the published language.
//! * `infrastructure` (feature `infrastructure`, on by default): its tables, its HTTP routes and its messages.
//!
//! Without the feature no adapter can be named: `cargo test -p clientes --no-default-features` holds the two inner
//! layers to that, and takes seconds.

#![expect(missing_docs, reason = "used only inside the workspace: names are enough")]

pub mod application;
pub mod domain;
#[cfg(feature = "infrastructure")]
pub mod infrastructure;
