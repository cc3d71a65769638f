//! Conversions between Avro values and plain JSON: unions unwrapped, enums and UUIDs as text, times in RFC 3339.

use super::{AvroError, RecordSchema};
use apache_avro::{
    Schema,
    reader::datum::GenericDatumReader,
    schema::{NamesRef, ResolvedSchema},
    types::Value,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json, json};

/// Decodes a bare Avro body that was written with `schema`, as plain JSON.
///
/// # Errors
///
/// The body does not fit the schema.
pub fn to_json(schema: &Schema, mut body: &[u8]) -> Result<Json, AvroError> {
    let failed = |error: apache_avro::Error| AvroError::new("value", error);
    let reader = GenericDatumReader::builder(schema).build().map_err(failed)?;
    let value = reader.read_value(&mut body).map_err(failed)?;
    if !body.is_empty() {
        return Err(AvroError::new("value", format!("{} bytes follow the value", body.len())));
    }
    Ok(plain(value))
}

fn plain(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) | Value::Date(value) | Value::TimeMillis(value) => json!(value),
        Value::Long(value) | Value::TimeMicros(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Double(value) => json!(value),
        Value::String(value) | Value::Enum(_, value) => json!(value),
        Value::Uuid(value) => json!(value.to_string()),
        Value::TimestampMicros(micros) => time(DateTime::from_timestamp_micros(micros), micros),
        Value::TimestampMillis(millis) => time(DateTime::from_timestamp_millis(millis), millis),
        Value::Union(_, value) => plain(*value),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Map(values) => values.into_iter().map(|(key, value)| (key, plain(value))).collect::<Map<_, _>>().into(),
        Value::Record(fields) => {
            fields.into_iter().map(|(name, value)| (name, plain(value))).collect::<Map<_, _>>().into()
        }
        other => json!(format!("{other:?}")),
    }
}

fn time(time: Option<DateTime<Utc>>, raw: i64) -> Json {
    time.map_or(json!(raw), |time| json!(time.to_rfc3339_opts(SecondsFormat::Micros, true)))
}

/// Encodes plain JSON as a bare Avro body of a record. Fields with a default may be missing.
///
/// # Errors
///
/// The value does not fit the record. The error has the path and the reason.
pub fn from_json(record: &RecordSchema, json: &Json) -> Result<Vec<u8>, AvroError> {
    let failed = |reason: String| AvroError::new(record.name, reason);
    let resolved = ResolvedSchema::new(record.schema).map_err(|error| failed(error.to_string()))?;
    let value = fit(record.schema, resolved.get_names(), json, record.short_name()).map_err(failed)?;
    let value = value.resolve(record.schema).map_err(|error| failed(error.to_string()))?;
    record.writer().write_value_to_vec(value).map_err(|error| failed(error.to_string()))
}

/// Converts JSON to a value of a schema. An error names the path. `named` has the types that the schema refers to.
fn fit(schema: &Schema, named: &NamesRef<'_>, json: &Json, path: &str) -> Result<Value, String> {
    let expected = |what: &str| format!("{path} must be {what}");
    match (schema, json) {
        (Schema::Ref { name }, json) => {
            let schema = named.get(name).ok_or_else(|| format!("{path} refers to no type"))?;
            fit(schema, named, json, path)
        }
        (Schema::Union(union), json) => {
            let (n, variant) = union
                .variants()
                .iter()
                .enumerate()
                .find(|(_, variant)| matches!(variant, Schema::Null) == json.is_null())
                .ok_or_else(|| expected("a value"))?;
            Ok(Value::Union(u32::try_from(n).unwrap_or(0), Box::new(fit(variant, named, json, path)?)))
        }
        (Schema::Record(record), Json::Object(object)) => {
            let mut fields = Vec::with_capacity(record.fields.len());
            for field in &record.fields {
                let path = format!("{path}.{}", field.name);
                match (object.get(&field.name), &field.default) {
                    (Some(json), _) => fields.push((field.name.clone(), fit(&field.schema, named, json, &path)?)),
                    (None, Some(default)) => {
                        fields.push((field.name.clone(), fit(&field.schema, named, default, &path)?))
                    }
                    (None, None) => return Err(format!("{path} is missing")),
                }
            }
            Ok(Value::Record(fields))
        }
        (Schema::Array(array), Json::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(n, item)| fit(&array.items, named, item, &format!("{path}[{n}]")))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        (Schema::Null, Json::Null) => Ok(Value::Null),
        (Schema::Boolean, Json::Bool(value)) => Ok(Value::Boolean(*value)),
        (Schema::Int, Json::Number(number)) => {
            let int = number.as_i64().and_then(|value| i32::try_from(value).ok());
            int.map(Value::Int).ok_or_else(|| expected("a whole number of 32 bits"))
        }
        (Schema::Long, Json::Number(number)) => {
            number.as_i64().map(Value::Long).ok_or_else(|| expected("a whole number"))
        }
        (Schema::Float | Schema::Double, Json::Number(number)) => {
            number.as_f64().map(Value::Double).ok_or_else(|| expected("a number"))
        }
        (Schema::String, Json::String(text)) => Ok(Value::String(text.clone())),
        (Schema::Uuid(_), Json::String(text)) => text.parse().map(Value::Uuid).map_err(|_| expected("a UUID")),
        (Schema::Enum(symbols), Json::String(text)) => {
            let place = symbols.symbols.iter().position(|symbol| symbol == text);
            let place = place.ok_or_else(|| expected(&format!("one of {}", symbols.symbols.join(", "))))?;
            Ok(Value::Enum(u32::try_from(place).unwrap_or(0), text.clone()))
        }
        (Schema::TimestampMicros, Json::String(text)) => {
            let time = DateTime::parse_from_rfc3339(text).map_err(|_| expected("a time as of RFC 3339"))?;
            Ok(Value::TimestampMicros(time.timestamp_micros()))
        }
        (Schema::TimestampMicros, Json::Number(number)) => {
            number.as_i64().map(Value::TimestampMicros).ok_or_else(|| expected("a time"))
        }
        (schema, _) => {
            Err(expected(&format!("a value of the type {:?}", apache_avro::schema::SchemaKind::from(schema))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::record_schema, *};

    fn airport(code: &str) -> Json {
        json!({ "codigo": code, "nombre": "Aeropuerto" })
    }

    fn command() -> Json {
        let leg = json!({
            "fecha_salida": "2022-11-22T13:10:00Z",
            "fecha_llegada": "2022-11-22T15:10:00.5Z",
            "origen": airport("BOG"),
            "destino": airport("JFK"),
        });
        let itinerary = json!({ "odos": [{ "segmentos": [{ "legs": [leg] }] }] });
        json!({ "id_reserva": "0198c0de-0000-7000-8000-000000000001", "itinerarios": [itinerary] })
    }

    #[test]
    fn json_survives_a_round_trip_with_its_defaults_and_with_types_that_are_named_twice() {
        let record = record_schema("sta.vuelos.v1.CrearReserva").unwrap();
        let mut back = to_json(record.schema, &from_json(record, &command()).unwrap()).unwrap();
        assert_eq!(back["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0]["destino"], airport("JFK"));
        assert_eq!(back["pasajeros"], json!([{ "tipo": "Adulto", "clase": "Economica" }]));
        assert_eq!(back["id_cliente"], Json::Null);
        let again = to_json(record.schema, &from_json(record, &back).unwrap()).unwrap();
        assert_eq!(again, back);
        back["id_cliente"] = json!("no");
        assert_eq!(from_json(record, &back).unwrap_err().reason, "CrearReserva.id_cliente must be a UUID");
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_with_its_path() {
        let record = record_schema("sta.vuelos.v1.CrearReserva").unwrap();
        let mut wrong = command();
        wrong["itinerarios"][0]["odos"][0]["segmentos"][0]["legs"][0]["destino"] = json!({ "codigo": 7 });
        let reason = from_json(record, &wrong).unwrap_err().reason;
        assert!(
            reason.starts_with("CrearReserva.itinerarios[0].odos[0].segmentos[0].legs[0].destino.codigo must be"),
            "{reason}"
        );
    }
}
