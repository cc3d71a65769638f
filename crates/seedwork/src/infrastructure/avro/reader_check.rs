//! The check that a reader type fits the published record that it reads.

use super::{AvroError, decode, record_schema};
use crate::application::IntegrationEvent;
use apache_avro::{
    Schema,
    schema::{NamesRef, ResolvedSchema},
    types::Value,
};
use serde_json::Value as Json;
use uuid::Uuid;

/// Checks a reader type against its record, with sample values of the record: each is decoded as the type, whose fields
/// must all be fields of the record. Every symbol of an enum and every variant of a union is in a sample.
///
/// # Errors
///
/// The record does not exist or has another topic, lacks a field of the type, or has one of another type.
pub fn check_reader<E: IntegrationEvent>() -> Result<(), AvroError> {
    let failed = |reason: String| AvroError::new(E::TYPE, format!("{} {reason}", std::any::type_name::<E>()));
    let Some(record) = record_schema(E::TYPE) else {
        return Err(failed("reads a record that does not exist".into()));
    };
    if record.topic != Some(E::TOPIC) {
        return Err(failed(format!("reads the topic {}, its record is on {:?}", E::TOPIC, record.topic)));
    }
    let resolved = ResolvedSchema::new(record.schema).map_err(|error| failed(error.to_string()))?;
    let names = resolved.get_names();
    for n in 0..variants(record.schema) {
        let value = sample(record.schema, names, n);
        let read = decode::<E>(&value).map_err(|error| failed(format!("does not fit its record: {}", error.reason)))?;
        let json = serde_json::to_value(&read).map_err(|error| failed(error.to_string()))?;
        if let Some(path) = unknown_field(record.schema, names, &json, record.short_name()) {
            return Err(failed(format!("has a field that its record lacks: {path}")));
        }
    }
    Ok(())
}

/// Returns the largest number of symbols of an enum or of variants of a union in a schema.
fn variants(schema: &Schema) -> usize {
    match schema {
        Schema::Enum(all) => all.symbols.len(),
        Schema::Union(union) => union.variants().iter().map(variants).fold(union.variants().len(), usize::max),
        Schema::Record(record) => record.fields.iter().map(|field| variants(&field.schema)).fold(1, usize::max),
        Schema::Array(array) => variants(&array.items),
        Schema::Map(map) => variants(&map.types),
        _ => 1,
    }
}

/// Returns a value as a decoder returns it, with the `n`-th symbol of each enum and the `n`-th variant of each union.
fn sample(schema: &Schema, names: &NamesRef<'_>, n: usize) -> Value {
    match schema {
        Schema::Ref { name } => names.get(name).map_or(Value::Null, |schema| sample(schema, names, n)),
        Schema::Record(record) => {
            let field =
                |field: &apache_avro::schema::RecordField| (field.name.clone(), sample(&field.schema, names, n));
            Value::Record(record.fields.iter().map(field).collect())
        }
        Schema::Union(union) => {
            let place = n % union.variants().len().max(1);
            let value = union.variants().get(place).map_or(Value::Null, |variant| sample(variant, names, n));
            Value::Union(u32::try_from(place).unwrap_or(0), Box::new(value))
        }
        Schema::Enum(all) => {
            let place = n % all.symbols.len().max(1);
            Value::Enum(u32::try_from(place).unwrap_or(0), all.symbols.get(place).cloned().unwrap_or_default())
        }
        Schema::Array(array) => Value::Array(vec![sample(&array.items, names, n)]),
        Schema::Map(map) => Value::Map([("key".to_owned(), sample(&map.types, names, n))].into()),
        Schema::Boolean => Value::Boolean(true),
        Schema::Int => Value::Int(1),
        Schema::Long => Value::Long(1),
        Schema::Float => Value::Float(1.0),
        Schema::Double => Value::Double(1.0),
        Schema::Bytes => Value::Bytes(vec![1]),
        Schema::String => Value::String("text".into()),
        Schema::Uuid(_) => Value::Uuid(Uuid::nil()),
        Schema::Date => Value::Date(1),
        Schema::TimestampMicros => Value::TimestampMicros(1),
        Schema::TimestampMillis => Value::TimestampMillis(1),
        // The contract tests admit no other types.
        _ => Value::Null,
    }
}

/// Returns the path of a field of a decoded value that is no field of its record.
fn unknown_field(schema: &Schema, names: &NamesRef<'_>, json: &Json, path: &str) -> Option<String> {
    match (schema, json) {
        (Schema::Ref { name }, _) => unknown_field(names.get(name)?, names, json, path),
        (Schema::Union(union), _) => {
            union.variants().iter().find_map(|variant| unknown_field(variant, names, json, path))
        }
        (Schema::Record(record), Json::Object(object)) => object.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match record.fields.iter().find(|field| field.name == *name) {
                None => Some(path),
                Some(field) => unknown_field(&field.schema, names, value, &path),
            }
        }),
        (Schema::Array(array), Json::Array(items)) => {
            items.iter().find_map(|item| unknown_field(&array.items, names, item, &format!("{path}[]")))
        }
        (Schema::Map(map), Json::Object(object)) => {
            object.values().find_map(|value| unknown_field(&map.types, names, value, &format!("{path}{{}}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    macro_rules! reader {
        ($name:ident, $topic:literal, { $($field:ident: $kind:ty),* }) => {
            #[derive(Clone, Serialize, Deserialize)]
            struct $name {
                $($field: $kind,)*
            }

            impl IntegrationEvent for $name {
                const TYPE: &'static str = "sta.vuelos.v1.CrearReserva";
                const TOPIC: &'static str = $topic;

                fn key(&self) -> String {
                    String::new()
                }
            }
        };
    }

    #[derive(Clone, Serialize, Deserialize)]
    struct Pasajero {
        tipo: String,
        clasee: Option<String>,
    }

    reader!(Fits, "comandos-reserva", { id_reserva: Uuid, id_cliente: Option<Uuid> });
    reader!(Missing, "comandos-reserva", { id_reservaa: Uuid });
    reader!(MissingOption, "comandos-reserva", { id_reserva: Uuid, id_clientee: Option<Uuid> });
    reader!(MissingInside, "comandos-reserva", { pasajeros: Vec<Pasajero> });
    reader!(NotNull, "comandos-reserva", { id_cliente: Uuid });
    reader!(OtherType, "comandos-reserva", { id_reserva: i64 });
    reader!(OtherTopic, "eventos-reserva", { id_reserva: Uuid });

    fn reason<E: IntegrationEvent>() -> String {
        check_reader::<E>().expect_err("it does not fit").to_string()
    }

    #[test]
    fn a_reader_type_with_some_of_the_fields_fits() {
        check_reader::<Fits>().unwrap();
    }

    #[test]
    fn an_error_names_the_type_and_the_field() {
        let told = [reason::<Missing>(), reason::<MissingOption>(), reason::<MissingInside>()];
        for (told, name, field) in [
            (&told[0], "Missing ", "`id_reservaa`"),
            (&told[1], "MissingOption ", "CrearReserva.id_clientee"),
            (&told[2], "MissingInside ", "CrearReserva.pasajeros[].clasee"),
        ] {
            assert!(told.contains(name) && told.contains(field), "{told}");
        }
    }

    #[test]
    fn a_null_or_a_value_of_another_type_does_not_fit() {
        assert!(reason::<NotNull>().contains("does not fit its record"), "{}", reason::<NotNull>());
        assert!(reason::<OtherType>().contains("does not fit its record"), "{}", reason::<OtherType>());
    }

    #[test]
    fn a_reader_type_of_another_topic_does_not_fit() {
        assert!(reason::<OtherTopic>().contains("eventos-reserva"), "{}", reason::<OtherTopic>());
    }
}
