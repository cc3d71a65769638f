//! The published language: the records of `schema/`, compiled in, and values to and from Avro.

mod json;
mod registry;
mod schemas;

pub use json::{from_json, to_json};
pub use registry::Registry;
pub use schemas::{Record, all, record};

use crate::application::IntegrationEvent;

/// A value that does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record}: {reason}")]
pub struct AvroError {
    /// The record's full name.
    pub record: String,
    /// What does not fit.
    pub reason: String,
}

impl AvroError {
    fn new(record: &str, reason: impl ToString) -> Self {
        Self { record: record.to_owned(), reason: reason.to_string() }
    }
}

/// Encodes an event as bare Avro, and tells the record that it was written with.
///
/// # Errors
///
/// The schema is unknown, or the event's type and its schema differ: a defect of the program.
pub fn encode<E: IntegrationEvent>(event: &E) -> Result<(&'static Record, Vec<u8>), AvroError> {
    let record = record(E::TYPE).ok_or_else(|| AvroError::new(E::TYPE, "there is no such schema"))?;
    let body = record.writer().write_ser_to_vec(event).map_err(|error| AvroError::new(E::TYPE, error))?;
    Ok((record, body))
}
