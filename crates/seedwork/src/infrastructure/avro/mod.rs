//! The published language: the compiled records of `schema/`, and conversions to and from Avro.

mod json;
mod reader_check;
pub(super) mod schemas;

pub use json::{from_json, to_json};
pub use reader_check::check_reader;
pub use schemas::{RecordSchema, record_schema, record_schemas};

use crate::application::IntegrationEvent;
use apache_avro::types::Value;

/// A value that does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{record}: {reason}")]
pub struct AvroError {
    /// The full name of the record.
    pub record: String,
    /// The part that does not fit.
    pub reason: String,
}

impl AvroError {
    pub(super) fn new(record: &str, reason: impl ToString) -> Self {
        Self { record: record.to_owned(), reason: reason.to_string() }
    }
}

/// Encodes an event as bare Avro. Returns the schema of its record with the body.
///
/// # Errors
///
/// The schema is unknown, or the Rust type and the schema differ: a defect of the program.
pub fn encode<E: IntegrationEvent>(event: &E) -> Result<(&'static RecordSchema, Vec<u8>), AvroError> {
    let record = record_schema(E::TYPE).ok_or_else(|| AvroError::new(E::TYPE, "there is no such schema"))?;
    if record.topic != Some(E::TOPIC) {
        return Err(AvroError::new(
            E::TYPE,
            format!("its type has the topic {}, its schema {:?}", E::TOPIC, record.topic),
        ));
    }
    let body = record.writer().write_ser_to_vec(event).map_err(|error| AvroError::new(E::TYPE, error))?;
    Ok((record, body))
}

/// Decodes the value of a record as its Rust type.
///
/// # Errors
///
/// The Rust type and the record differ: a defect of the program.
pub fn decode<E: IntegrationEvent>(value: &Value) -> Result<E, AvroError> {
    // apache-avro has no other way to treat UUIDs as texts.
    apache_avro::util::set_serde_human_readable(true);
    apache_avro::from_value(value).map_err(|error| AvroError::new(E::TYPE, error))
}

/// Returns a body in the wire format: the magic byte, the id of its schema, the bare Avro.
pub fn to_wire_format(schema_id: i32, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(5 + body.len());
    value.push(0);
    value.extend_from_slice(&schema_id.to_be_bytes());
    value.extend_from_slice(body);
    value
}
