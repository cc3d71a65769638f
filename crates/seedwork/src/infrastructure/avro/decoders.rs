//! Decodes what others wrote: with the schema of the writer, resolved to the one that is compiled in.

use super::{AvroError, Registry, record};
use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// The most that the decoder allocates for one text, blob or array, in bytes. A message has about 1 MB; decoded, the items
/// of an array take several times their encoded size. The library's own limit, 512 MiB, is more than a container may have.
const ALLOCATION: usize = 8 * 1024 * 1024;

/// The time for which the registry is not asked again, for an unknown id or after it did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a value cannot be decoded.
#[derive(Debug)]
pub enum Undecodable {
    /// The registry does not answer: it may be decoded later.
    Away(String),
    /// The registry does not know the schema, or not yet.
    Unknown(String),
    /// It can never be decoded.
    Never(String),
}

/// The writers' schemas that were met.
#[derive(Clone)]
pub struct Decoders {
    registry: Registry,
    known: Arc<RwLock<HashMap<i32, Arc<Decoder>>>>,
    /// One asks the registry, the others wait for its answer.
    asking: Arc<tokio::sync::Mutex<Asked>>,
}

/// Answers of the registry that are not asked for again at once.
#[derive(Default)]
struct Asked {
    /// The ids that it does not know.
    unknown: HashMap<i32, Instant>,
    /// It does not answer, for this reason.
    away: Option<(Instant, String)>,
}

/// Decodes what was written with one schema.
pub struct Decoder {
    name: String,
    schema: &'static Schema,
    /// By the record that values are resolved to.
    readers: RwLock<HashMap<&'static str, Arc<GenericDatumReader<'static>>>>,
}

impl Decoders {
    /// Decoders of the schemas of a registry.
    pub fn new(registry: Registry) -> Self {
        limit_allocations();
        Self { registry, known: Arc::default(), asking: Arc::default() }
    }

    /// The decoder of a value in the wire format.
    ///
    /// # Errors
    ///
    /// It is not in the wire format, its schema is not known, or the registry does not answer.
    pub async fn of(&self, value: &[u8]) -> Result<Arc<Decoder>, Undecodable> {
        let Some(([0, id @ ..], _)) = value.split_first_chunk::<5>() else {
            return Err(Undecodable::Never("the value is not in the wire format".into()));
        };
        let id = i32::from_be_bytes(*id);
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let mut asked = self.asking.lock().await;
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        if let Some((_, reason)) = asked.away.as_ref().filter(|(at, _)| at.elapsed() < AGAIN) {
            return Err(Undecodable::Away(reason.clone()));
        }
        asked.unknown.retain(|_, at| at.elapsed() < AGAIN);
        let schema = match asked.unknown.contains_key(&id) {
            true => None,
            false => match self.registry.schema(id).await {
                Ok(schema) => schema,
                Err(error) => {
                    let reason = format!("{error:#}");
                    asked.away = Some((Instant::now(), reason.clone()));
                    return Err(Undecodable::Away(reason));
                }
            },
        };
        let Some(schema) = schema else {
            asked.unknown.entry(id).or_insert_with(Instant::now);
            return Err(Undecodable::Unknown(format!("no schema has the id {id}")));
        };
        let name = schema.name().map(|name| name.fullname(None)).unwrap_or_default();
        // As many as the registry has: they live as long as the program.
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
    /// The full name of the record that it decodes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as the record `kind` that is compiled in has it.
    ///
    /// # Errors
    ///
    /// The bytes are not of the writer's schema, or that cannot be resolved to the reader's.
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
        let record = record(kind).ok_or_else(|| AvroError::new(kind, "there is no such schema"))?;
        let reader = GenericDatumReader::builder(self.schema).reader_schema(record.schema).build();
        let reader = Arc::new(reader.map_err(|error| AvroError::new(kind, error))?);
        self.readers.write().unwrap_or_else(PoisonError::into_inner).insert(record.name, Arc::clone(&reader));
        Ok(reader)
    }
}
