//! The adapters: PostgreSQL, the broker, HTTP, telemetry.

pub mod avro;
pub mod module;
pub mod postgres;
pub mod supervise;
