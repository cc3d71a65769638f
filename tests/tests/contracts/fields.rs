//! Within a context and version, records that share a field agree on it: its type, its default and its mark for personal
//! data. A code list that is extended in one record only is found here.

use super::{assert_nothing, fields_of, json};
use serde_json::Value;
use sta_tests::guard::tree::Tree;
use std::collections::BTreeMap;

fn differing_fields(tree: &Tree) -> Vec<String> {
    let (mut first, mut wrong) = (BTreeMap::new(), Vec::new());
    for (path, text) in tree.ending("schema", "avsc") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (name, field) in fields_of(&json(text)) {
            let shape = shape(field);
            let (of, expected) = first.entry((folder, name.to_owned())).or_insert_with(|| (path, shape.clone()));
            if *expected != shape {
                wrong.push(format!("{path}: `{name}` differs from that of {of}: {shape} instead of {expected}"));
            }
        }
    }
    wrong
}

/// A field without its doc, which may say more of one record than of another.
fn shape(field: &Value) -> Value {
    let mut field = field.clone();
    if let Some(members) = field.as_object_mut() {
        members.remove("doc");
    }
    field
}

#[test]
fn records_of_a_context_agree_on_the_fields_that_they_share() {
    assert_nothing(differing_fields(&Tree::workspace()));
}

#[test]
fn a_field_that_differs_in_one_record_is_named() {
    let record = |estado: &str| format!(r#"{{"fields": [{{"name": "estado", "doc": "D", "type": {estado}}}]}}"#);
    let (two, three) = (record(r#"{"symbols": ["A", "B"]}"#), record(r#"{"symbols": ["A", "B", "C"]}"#));
    let judged = |folder: &str, second: &str| {
        let path = format!("schema/{folder}/Segunda.avsc");
        differing_fields(&Tree::of([("schema/ingesta/v1/Primera.avsc", two.as_str()), (&path, second)]))
    };
    assert_nothing(judged("ingesta/v1", &two.replace('D', "another doc")));
    assert_nothing(judged("ingesta/v2", &three));
    assert_nothing(judged("vuelos/v1", &three));
    assert_eq!(judged("ingesta/v1", &three).len(), 1);
    assert_eq!(judged("ingesta/v1", &two.replace("\"doc\"", "\"pii\": true, \"doc\"")).len(), 1);
}
