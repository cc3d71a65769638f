//! The crate against real servers, processes and the registry. Each test has a data directory of its own.

mod access;
mod binaries;
mod lifecycle;
mod recovery;
mod support;
