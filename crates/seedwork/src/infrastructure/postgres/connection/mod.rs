//! Connections to a context's schema: their limit, their settings, and the pool for reads.

pub(super) mod connection_limit;
pub(super) mod connector;
pub(super) mod database;
pub(super) mod listener;
pub(super) mod pool;
pub(super) mod read_error;
pub(super) mod usage;
pub(super) mod verify_server;
