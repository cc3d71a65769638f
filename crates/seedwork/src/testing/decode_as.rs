//! Checks that a reader type fits the record that it reads.

use crate::{
    application::IntegrationEvent,
    infrastructure::{
        avro::{self, AvroError},
        schema_registry,
    },
};
use apache_avro::reader::datum::GenericDatumReader;
use serde_json::Value;

/// Returns the message that a consumer gets when the record is sent with this value, given as plain JSON.
///
/// # Errors
///
/// There is no such record, or the value or the reader type does not fit it.
pub fn decode_as<E: IntegrationEvent>(value: &Value) -> Result<E, AvroError> {
    let failed = |reason: &dyn std::fmt::Display| AvroError { record: E::TYPE.into(), reason: reason.to_string() };
    schema_registry::limit_allocations();
    let record = avro::record_schema(E::TYPE).ok_or_else(|| failed(&"there is no such schema"))?;
    let body = avro::from_json(record, value)?;
    let reader = GenericDatumReader::builder(record.schema).reader_schema(record.schema).build();
    let sent = reader.and_then(|reader| reader.read_value(&mut &body[..])).map_err(|error| failed(&error))?;
    avro::decode(&sent)
}
