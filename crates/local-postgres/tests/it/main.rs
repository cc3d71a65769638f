//! The crate against real servers, processes and the registry. Each test has a data directory of its own.

#![expect(clippy::disallowed_methods, reason = "tests spawn, and tell their own child processes what to do")]

mod access;
mod binaries;
mod lifecycle;
mod log;
mod recovery;
mod support;
