//! Decodes messages with the schema of their writer, resolved to the schema that is compiled in.

use super::Registry;
use crate::infrastructure::avro::{AvroError, record_schema};
use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// The most that the decoder allocates for one text, blob or array, in bytes. A message has about 1 MB; decoded, the
/// items of an array take several times their encoded size. The library's own limit, 512 MiB, is more than a container
/// may have.
const ALLOCATION: usize = 8 * 1024 * 1024;

/// The time for which a failed lookup is not repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The reason why a value cannot be decoded.
#[derive(Debug)]
pub enum Undecodable {
    /// The registry does not answer. A later attempt may succeed.
    Unavailable(String),
    /// The registry does not know the schema, at least not yet.
    UnknownSchema(String),
    /// The value does not fit: no attempt can succeed.
    Invalid(String),
}

/// The decoders of all schemas of writers that were met, by the id in the registry.
#[derive(Clone)]
pub struct Decoders {
    registry: Registry,
    known: Arc<RwLock<HashMap<i32, Arc<Decoder>>>>,
    /// Held during a lookup: one caller asks the registry, the others wait for its answer.
    failed_lookups: Arc<tokio::sync::Mutex<FailedLookups>>,
}

/// Lookups that failed and are not repeated at once.
#[derive(Default)]
struct FailedLookups {
    /// The ids that the registry does not know, with the time of the lookup.
    unknown: HashMap<i32, Instant>,
    /// The time of the last lookup without an answer, and the reason.
    unavailable: Option<(Instant, String)>,
}

/// Decodes values that were written with one schema.
pub struct Decoder {
    name: String,
    schema: &'static Schema,
    /// By the full name of the record that values are resolved to.
    readers: RwLock<HashMap<&'static str, Arc<GenericDatumReader<'static>>>>,
}

impl Decoders {
    /// Creates decoders over a registry.
    pub fn new(registry: Registry) -> Self {
        limit_allocations();
        Self { registry, known: Arc::default(), failed_lookups: Arc::default() }
    }

    /// Returns the decoder of a value in the wire format.
    ///
    /// # Errors
    ///
    /// It is not in the wire format, its schema is not known, or the registry does not answer.
    pub async fn of(&self, value: &[u8]) -> Result<Arc<Decoder>, Undecodable> {
        let Some(([0, id @ ..], _)) = value.split_first_chunk::<5>() else {
            return Err(Undecodable::Invalid("the value is not in the wire format".into()));
        };
        let id = i32::from_be_bytes(*id);
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let mut failed = self.failed_lookups.lock().await;
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        if let Some((_, reason)) = failed.unavailable.as_ref().filter(|(at, _)| at.elapsed() < RETRY_PAUSE) {
            return Err(Undecodable::Unavailable(reason.clone()));
        }
        failed.unknown.retain(|_, at| at.elapsed() < RETRY_PAUSE);
        let schema = match failed.unknown.contains_key(&id) {
            true => None,
            false => match self.registry.schema(id).await {
                Ok(schema) => schema,
                Err(error) => {
                    let reason = format!("{error:#}");
                    failed.unavailable = Some((Instant::now(), reason.clone()));
                    return Err(Undecodable::Unavailable(reason));
                }
            },
        };
        let Some(schema) = schema else {
            failed.unknown.entry(id).or_insert_with(Instant::now);
            return Err(Undecodable::UnknownSchema(format!("no schema has the id {id}")));
        };
        let name = schema.name().map(|name| name.fullname(None)).unwrap_or_default();
        // Leaked on purpose: there are no more of them than schemas in the registry.
        let decoder = Arc::new(Decoder { name, schema: Box::leak(Box::new(schema)), readers: RwLock::default() });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&decoder));
        Ok(decoder)
    }
}

impl Decoders {
    fn known(&self, id: i32) -> Option<Arc<Decoder>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

/// Sets the library's limit, unless it is set. Its first call in a process decides, and so does the first value that is
/// decoded: it precedes every decoding.
pub(crate) fn limit_allocations() {
    apache_avro::util::max_allocation_bytes(ALLOCATION);
}

impl Decoder {
    /// Returns the full name of the record that it decodes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Decodes a value and resolves it to the compiled schema of the record `kind`.
    ///
    /// # Errors
    ///
    /// The bytes do not fit the schema of the writer, or it cannot be resolved to the compiled one.
    pub fn decode(&self, kind: &str, value: &[u8]) -> Result<Value, AvroError> {
        let failed = |error: apache_avro::Error| AvroError::new(kind, error);
        let datum = self.reader(kind)?;
        let mut body = value.get(5..).unwrap_or_default();
        let value = datum.read_value(&mut body).map_err(failed)?;
        match body.is_empty() {
            true => Ok(value),
            false => Err(AvroError::new(kind, format!("{} bytes follow the value", body.len()))),
        }
    }

    fn reader(&self, kind: &str) -> Result<Arc<GenericDatumReader<'static>>, AvroError> {
        if let Some(known) = self.readers.read().unwrap_or_else(PoisonError::into_inner).get(kind) {
            return Ok(Arc::clone(known));
        }
        let record = record_schema(kind).ok_or_else(|| AvroError::new(kind, "there is no such schema"))?;
        let reader = GenericDatumReader::builder(self.schema).reader_schema(record.schema).build();
        let reader = Arc::new(reader.map_err(|error| AvroError::new(kind, error))?);
        self.readers.write().unwrap_or_else(PoisonError::into_inner).insert(record.name, Arc::clone(&reader));
        Ok(reader)
    }
}
