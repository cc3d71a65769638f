//! The adapters: PostgreSQL, the broker, HTTP, telemetry.
