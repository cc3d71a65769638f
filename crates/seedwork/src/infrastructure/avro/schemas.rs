//! The records of `schema/`, parsed once.

use apache_avro::{Schema, rabin::Rabin, writer::datum::GenericDatumWriter};
use std::{collections::BTreeMap, sync::LazyLock};

/// The texts of all records.
const TEXTS: &[&str] = include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// Leaked on purpose: they live as long as the program, and their writers borrow from them.
static RECORDS: LazyLock<BTreeMap<&'static str, RecordSchema>> = LazyLock::new(|| {
    TEXTS.iter().filter_map(|text| RecordSchema::parse(text)).map(|record| (record.name, record)).collect()
});

/// The schema of a record of the published language.
pub struct RecordSchema {
    /// The full name: `sta.ingesta.v1.IngestaCreada`.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
    /// The Rabin fingerprint of the canonical form. Stored bodies refer to it.
    pub fingerprint: i64,
    /// The topic that the record is published on: the attribute `topic`.
    pub topic: Option<&'static str>,
    /// The parsed schema.
    pub schema: &'static Schema,
    writer: GenericDatumWriter<'static>,
}

impl RecordSchema {
    fn parse(text: &'static str) -> Option<Self> {
        let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(text).ok()?));
        let name: &'static str = Box::leak(schema.name()?.fullname(None).into_boxed_str());
        let writer = GenericDatumWriter::builder(schema).human_readable(true).build().ok()?;
        let topic = match schema {
            Schema::Record(record) => record.attributes.get("topic").and_then(serde_json::Value::as_str),
            _ => None,
        };
        Some(Self { name, text, fingerprint: fingerprint(schema), topic, schema, writer })
    }

    pub(super) fn writer(&self) -> &GenericDatumWriter<'static> {
        &self.writer
    }

    /// Returns the names of its fields, in order. The first is the key of its messages.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        let fields = match self.schema {
            Schema::Record(record) => &record.fields[..],
            _ => &[],
        };
        fields.iter().map(|field| field.name.as_str())
    }

    /// Returns the name without the namespace.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

fn fingerprint(schema: &Schema) -> i64 {
    let bytes = schema.fingerprint::<Rabin>().bytes;
    bytes.iter().rev().fold(0_i64, |all, byte| all << 8 | i64::from(*byte))
}

/// Returns the schema of the record with this full name.
pub fn record_schema(name: &str) -> Option<&'static RecordSchema> {
    RECORDS.get(name)
}

/// Returns the schemas of all records.
pub fn record_schemas() -> impl Iterator<Item = &'static RecordSchema> {
    RECORDS.values()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_record() {
        assert_eq!(RECORDS.len(), TEXTS.len());
    }
}
