//! Examples of requests and answers, made from the examples of their members.

use serde_json::{Map, Value, json};
use utoipa::openapi::{Components, Content, RefOr, path::Operation};

/// The value of a text without an example and without a form. Tests refuse it, so each such text has its example.
pub(super) const NO_EXAMPLE: &str = "…";

/// The schemas of a document, as JSON.
pub(super) struct Examples(Value);

impl Examples {
    pub(super) fn of(components: &Components) -> Self {
        Self(serde_json::to_value(&components.schemas).unwrap_or_default())
    }

    /// Gives an example to each content of an operation that has a schema and no example yet.
    pub(super) fn add_to(&self, operation: &mut Operation) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.values_mut().for_each(|content| self.add_to_content(content));
        }
        for response in operation.responses.responses.values_mut() {
            let RefOr::T(response) = response else { continue };
            response.content.values_mut().for_each(|content| self.add_to_content(content));
        }
    }

    fn add_to_content(&self, content: &mut RefOr<Content>) {
        let RefOr::T(content) = content else { return };
        if content.example.is_none() && content.examples.is_empty() {
            let schema = content.schema.as_ref().and_then(|schema| serde_json::to_value(schema).ok());
            content.example = schema.map(|schema| self.example(&schema));
        }
    }

    fn example(&self, schema: &Value) -> Value {
        if let Some(example) = schema.get("example").or_else(|| schema.pointer("/examples/0")) {
            return example.clone();
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/")) {
            return self.example(&self.0[name]);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let members = parts.iter().filter_map(|part| match self.example(part) {
                Value::Object(members) => Some(members),
                _ => None,
            });
            return Value::Object(members.flatten().collect());
        }
        // A nullable reference has `null` as its first choice.
        if let Some(choice) = schema.pointer("/oneOf/0") {
            return self.example(choice);
        }
        if let Some(first) = schema.pointer("/enum/0") {
            return first.clone();
        }
        self.of_type(schema)
    }

    fn of_type(&self, schema: &Value) -> Value {
        // A nullable type is a list of the type and `null`.
        match schema["type"].as_str() {
            Some("object") => {
                let members = schema["properties"].as_object().into_iter().flatten();
                Value::Object(members.map(|(name, member)| (name.clone(), self.example(member))).collect::<Map<_, _>>())
            }
            Some("array") => json!([self.example(&schema["items"])]),
            Some("integer" | "number") => {
                schema.get("minimum").filter(|least| **least != 0).cloned().unwrap_or(json!(1))
            }
            Some("boolean") => json!(true),
            Some("string") => match schema["format"].as_str() {
                Some("uuid") => json!("0198c0de-0000-7000-8000-000000000001"),
                Some("date-time") => json!("2026-01-31T15:04:05Z"),
                Some("date") => json!("1990-02-28"),
                _ => json!(NO_EXAMPLE),
            },
            _ => Value::Null,
        }
    }
}
