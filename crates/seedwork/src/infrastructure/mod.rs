//! The adapters: PostgreSQL, the broker, HTTP, and the tasks of the process.

pub mod avro;
pub mod broker;
mod client_texts;
pub mod consumer;
pub mod http;
pub mod module;
mod outage;
pub mod postgres;
pub mod relay;
pub mod schema_registry;
pub mod supervise;
