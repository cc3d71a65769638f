//! The published language: each schema follows the house rules, and each has exactly one type that looks like it.
//!
//! That real values survive the way through a schema is tested where they are encoded.

use apache_avro::Schema;
use serde_json::Value;
use sta_tests::guard::{
    published::{Event, Field, Types},
    tree::Tree,
};
use std::collections::{BTreeMap, BTreeSet};

/// Ids that are another party's texts, and the schemas where they are. Every other `id_…` is a UUID of ours.
const TEXT_IDS: &[(&str, &str)] =
    &[("schema/", "id_comando"), ("schema/ingesta/", "id_paciente"), ("schema/ingesta/", "id_proveedor")];

/// Where the types of the published language live in a context.
const INTEGRATION: &str = "src/application/integration";

// A schema by itself.

/// The full name that a schema of this path must have: `schema/ingesta/v1/X.avsc` holds `sta.ingesta.v1.X`.
fn full_name(path: &str) -> Option<String> {
    let ["schema", context, version, file] = path.split('/').collect::<Vec<_>>()[..] else { return None };
    let number = version.strip_prefix('v')?;
    let is_number = !number.starts_with('0') && number.parse::<u32>().is_ok();
    let record = file.strip_suffix(".avsc").filter(|_| is_number)?;
    Some(format!("sta.{context}.{version}.{record}"))
}

fn wrong_schema(path: &str, text: &str) -> Vec<String> {
    let Some(expected) = full_name(path) else {
        return vec![format!("{path}: a schema is `schema/<context>/v<N>/<Record>.avsc`")];
    };
    let name = match Schema::parse_str(text) {
        Ok(Schema::Record(record)) => record.name.to_string(),
        Ok(_) => return vec![format!("{path}: a message is a record")],
        Err(error) => return vec![format!("{path} is not an Avro schema: {error}")],
    };
    let mut wrong = Vec::new();
    if name != expected {
        wrong.push(format!("{path}: the record is `{name}`, but its path says `{expected}`"));
    }
    if json(text)["topic"].as_str().is_none_or(str::is_empty) {
        wrong.push(format!("{path}: the record says no `topic`: where is it said?"));
    }
    wrong_fields(path, &json(text), &mut wrong);
    wrong
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("what Avro parsed is JSON")
}

fn fields_of(record: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields = record["fields"].as_array().into_iter().flatten();
    fields.map(|field| (field["name"].as_str().unwrap_or_default(), field))
}

fn wrong_fields(at: &str, record: &Value, wrong: &mut Vec<String>) {
    for (name, field) in fields_of(record) {
        let at = format!("{at}: `{name}`");
        if field["doc"].as_str().is_none_or(|doc| doc.trim().is_empty()) {
            wrong.push(format!("{at} has no `doc`: say what a consumer needs to know"));
        }
        if is_nullable(field) && field.get("default") != Some(&Value::Null) {
            wrong.push(format!("{at} may be null, so write `\"default\": null`"));
        }
        let kind = match field["type"].as_array().map(Vec::as_slice) {
            None => &field["type"],
            Some([null, kind]) if null == "null" => kind,
            Some(_) => {
                wrong.push(format!("{at}: the only union is `[\"null\", …]`, null first"));
                continue;
            }
        };
        wrong.extend(wrong_kind(&at, name, kind).map(|why| format!("{at}: {why}")));
        wrong_inside(&at, kind, wrong);
    }
}

/// Compares the type of a field with its name, in the schema that it is `at`: a name promises a type.
fn wrong_kind(at: &str, name: &str, kind: &Value) -> Option<String> {
    let is_text = TEXT_IDS.iter().any(|(schemas, id)| at.starts_with(schemas) && *id == name);
    let is = |basic: &str, logical: &str| kind["type"] == basic && kind["logicalType"] == logical;
    if name.starts_with("id_") && !is_text && !is("string", "uuid") {
        return Some("our ids are `string` with the logicalType `uuid`".to_owned());
    }
    if is_text && kind != "string" {
        return Some("this id is another party's text: a plain `string`".to_owned());
    }
    let logical = kind["logicalType"].as_str().unwrap_or_default();
    let is_time = name == "fecha" || name.starts_with("fecha_") || logical.contains("time");
    let is_right = is("long", "timestamp-micros") || is("int", "date");
    (is_time && !is_right).then(|| "times are `long` with the logicalType `timestamp-micros`".to_owned())
}

fn wrong_inside(at: &str, kind: &Value, wrong: &mut Vec<String>) {
    match kind["type"].as_str() {
        Some("record") => wrong_fields(at, kind, wrong),
        Some("array") => wrong_inside(at, &kind["items"], wrong),
        Some("map") => wrong_inside(at, &kind["values"], wrong),
        Some("enum") if kind["default"].is_null() => {
            wrong.push(format!("{at}: an enum needs a `default`, so that old readers survive a new symbol"));
        }
        _ => {}
    }
}

fn is_nullable(field: &Value) -> bool {
    field["type"].as_array().is_some_and(|union| union.iter().any(|kind| kind == "null"))
}

// A schema and its type.

/// The published types of a context, wherever they are, and what they are made of: types beside them, and choices of the
/// domain. Another type of the domain with the name of a published one is something else.
fn types_of(tree: &Tree, context: &str) -> Types {
    let (mut all, mut published) = (Types::default(), Types::default());
    let (everywhere, at_home) = (format!("crates/{context}/src"), format!("crates/{context}/{INTEGRATION}"));
    tree.ending(&everywhere, "rs").for_each(|(path, text)| all.read(path, text));
    tree.ending(&at_home, "rs").for_each(|(path, text)| published.read(path, text));
    Types { events: all.events, choices: all.choices, ..published }
}

fn broken_contracts(tree: &Tree) -> Vec<String> {
    let schemas: BTreeMap<String, (&str, &str)> =
        tree.ending("schema", "avsc").filter_map(|(path, text)| Some((full_name(path)?, (path, text)))).collect();
    let (mut wrong, mut spoken) = (Vec::new(), BTreeSet::new());
    for context in tree.contexts() {
        let types = types_of(tree, &context);
        for event in &types.events {
            let at = format!("{}: `{}`", event.path, event.name);
            let own = event.record.starts_with(&format!("sta.{context}."));
            if !event.path.starts_with(&format!("crates/{context}/{INTEGRATION}")) {
                wrong.push(format!("{at} belongs in {INTEGRATION}"));
            }
            let Some((_, text)) = schemas.get(&event.record) else {
                wrong.push(format!("{at} is `{}`, which no schema describes", event.record));
                continue;
            };
            // What another context says, this one reads by a type of its own choice; resolution checks that.
            if own {
                if !spoken.insert(event.record.clone()) {
                    wrong.push(format!("{at} is one type too many for `{}`", event.record));
                }
                wrong.extend(differences(event, &json(text), &types).map(|why| format!("{at} {why}")));
            }
        }
        if tree.has(&format!("crates/{context}/{INTEGRATION}")) && types.events.is_empty() {
            wrong.push(format!("crates/{context}/{INTEGRATION}: no `#[event(record = …)]` was found there"));
        }
    }
    let silent = schemas.iter().filter(|(name, _)| !spoken.contains(*name));
    wrong.extend(silent.map(|(name, (path, _))| format!("{path}: no type says `#[event(record = \"{name}\")]`")));
    wrong
}

fn differences<'a>(event: &'a Event, record: &'a Value, types: &'a Types) -> impl Iterator<Item = String> + 'a {
    let name = event.record.rsplit('.').next().unwrap_or_default();
    let named = (name != event.name).then(|| format!("must have the record's name, `{name}`"));
    named.into_iter().chain(different_fields(&event.fields, record)).chain(different_inside(record, types))
}

fn different_fields(fields: &[Field], record: &Value) -> Option<String> {
    let told = |name: &str, optional| format!("{name}{}", if optional { "?" } else { "" });
    let ours: Vec<_> = fields.iter().map(|field| told(&field.name, field.optional)).collect();
    let theirs: Vec<_> = fields_of(record).map(|(name, field)| told(name, is_nullable(field))).collect();
    let (ours, theirs) = (ours.join(", "), theirs.join(", "));
    (ours != theirs).then(|| format!("has the fields ({ours}), its schema ({theirs}); `?` is optional, order counts"))
}

/// The records inside a record have types of the same names. An enum has every symbol of its type, and the default that is
/// never written: what reads a newer message gets it.
fn different_inside(record: &Value, types: &Types) -> Vec<String> {
    let mut wrong = Vec::new();
    for inner in fields_of(record).flat_map(|(_, field)| named_types(&field["type"])) {
        let name = inner["name"].as_str().unwrap_or_default();
        if inner["type"] == "record" {
            match types.structs.get(name) {
                Some(fields) => wrong.extend(different_fields(fields, inner).map(|why| format!("→ `{name}` {why}"))),
                None => wrong.push(format!("→ its schema has the record `{name}`: give its struct that name")),
            }
            wrong.extend(different_inside(inner, types));
        } else {
            wrong.extend(different_symbols(name, inner, types));
        }
    }
    wrong
}

/// An enum of the published types has the symbols of its schema; a choice of the domain has all but the first, the default.
fn different_symbols(name: &str, schema: &Value, types: &Types) -> Option<String> {
    let symbols: Vec<_> = schema["symbols"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(variants) = types.enums.get(name) {
        let wrong = *variants != symbols;
        return wrong.then(|| format!("→ `{name}` has {variants:?}, its schema {symbols:?}; order counts"));
    }
    let choices: Vec<_> = types.choices.iter().filter(|(choice, _)| choice == name).map(|(_, names)| names).collect();
    let is_default = symbols.first().is_some_and(|first| schema["default"] == **first);
    if choices.iter().any(|names| is_default && names.iter().eq(symbols.iter().skip(1))) {
        return None;
    }
    Some(format!(
        "→ its schema has the enum `{name}` with {symbols:?}, the first the default; its `choice!`: {choices:?}"
    ))
}

/// The records and enums that a type declares, not those inside of these.
fn named_types(kind: &Value) -> Vec<&Value> {
    match (kind, kind["type"].as_str()) {
        (Value::Array(union), _) => union.iter().flat_map(named_types).collect(),
        (_, Some("record" | "enum")) => vec![kind],
        (_, Some("array")) => named_types(&kind["items"]),
        (_, Some("map")) => named_types(&kind["values"]),
        _ => Vec::new(),
    }
}

#[track_caller]
fn assert_nothing(wrong: impl IntoIterator<Item = String>) {
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_schema_follows_the_house_rules() {
    let tree = Tree::workspace();
    assert_nothing(tree.ending("schema", "avsc").flat_map(|(path, text)| wrong_schema(path, text)));
}

#[test]
fn every_schema_has_one_type_and_every_type_a_schema() {
    assert_nothing(broken_contracts(&Tree::workspace()));
}

#[path = "contracts/compatibility.rs"]
mod compatibility;
#[path = "contracts/fields.rs"]
mod fields;
#[path = "contracts/offenders.rs"]
mod offenders;
#[path = "contracts/subscriptions.rs"]
mod subscriptions;
