//! Released records stay readable: a change of a record must let old readers read what is new, and new readers what is
//! old. Each version's schemas are kept in `tests/released/<version>/`; `just release-schemas` puts them there.

use super::{assert_nothing, full_name, types_of};
use apache_avro::{Schema, schema_compatibility::SchemaCompatibility};
use sta_tests::guard::tree::Tree;

const RELEASED: &str = "tests/released";

/// The records that a released reader or a released message would be lost with, and who consumes them.
fn broken_promises(tree: &Tree) -> Vec<String> {
    tree.ending(RELEASED, "avsc").flat_map(|(path, text)| broken_promise(tree, path, text)).collect()
}

fn broken_promise(tree: &Tree, released_path: &str, released: &str) -> Option<String> {
    let rest = released_path.strip_prefix(RELEASED)?.trim_start_matches('/');
    let (version, place) = rest.split_once('/').unwrap_or(("", rest));
    let path = format!("schema/{place}");
    let Some(name) = full_name(&path) else {
        return Some(format!(
            "{released_path}: a released schema is `{RELEASED}/<version>/<context>/v<N>/<Record>.avsc`"
        ));
    };
    let consumers = consumers(tree, &name).join(", ");
    let Some(text) = tree.text(&path) else {
        return Some(format!("`{name}` was released with {version} and is gone; consumed by: {consumers}"));
    };
    let parsed = |text| Schema::parse_str(text).map_err(|error| format!("`{name}` is not an Avro schema: {error}"));
    let (old, new) = match (parsed(released), parsed(text)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return Some(error),
    };
    let told = |what: &str, why: String| {
        Some(format!(
            "`{name}` breaks what was released with {version}: {what} ({why}); consumed by: {consumers}. \
             A compatible change adds a field with a default; any other is a new folder `v<N+1>`"
        ))
    };
    if let Err(error) = SchemaCompatibility::can_read(&old, &new) {
        return told("what was written then cannot be read now", error.to_string());
    }
    let error = SchemaCompatibility::can_read(&new, &old).err()?;
    told("who reads as then cannot read what is written now", error.to_string())
}

/// The crates that have a type for a record.
fn consumers(tree: &Tree, name: &str) -> Vec<String> {
    let reads = |context: &String| types_of(tree, context).events.iter().any(|event| event.record == name);
    tree.contexts().into_iter().filter(reads).collect()
}

#[test]
fn no_record_breaks_what_was_released() {
    assert_nothing(broken_promises(&Tree::workspace()));
}

#[test]
fn a_compatible_change_passes_and_each_breaking_one_names_the_record_and_its_consumers() {
    let released = r#"{"type": "record", "name": "A", "namespace": "sta.ingesta.v1", "fields": [
        {"name": "a", "type": "string"}, {"name": "b", "type": ["null", "string"], "default": null},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"], "default": "X"}}]}"#;
    let consumed = r#"#[event(record = "sta.ingesta.v1.A", topic = "t", key = a)] struct A { a: String }"#;
    let judged = |now: &str| {
        broken_promises(&Tree::of([
            ("crates/vuelos/src/domain/mod.rs", ""),
            ("crates/vuelos/src/application/integration/consumed.rs", consumed),
            ("tests/released/0.1.0/ingesta/v1/A.avsc", released),
            ("schema/ingesta/v1/A.avsc", now),
        ]))
    };
    assert_nothing(judged(released));
    let fields = r#""fields": ["#;
    let added = released.replace(fields, &format!(r#"{fields}{{"name": "c", "type": "long", "default": 0}},"#));
    assert_nothing(judged(&added));
    let more = released.replace(r#"["X", "Y"]"#, r#"["X", "Y", "Z"]"#);
    assert_nothing(judged(&more));
    for (from, to) in [
        // A field that old messages do not have, one that old readers miss, another type, another name.
        (fields, r#""fields": [{"name": "c", "type": "long"},"#),
        (r#"{"name": "a", "type": "string"}, "#, ""),
        (r#""a", "type": "string""#, r#""a", "type": "long""#),
        (r#""name": "A""#, r#""name": "B""#),
    ] {
        assert!(released.contains(from), "the fixture no longer has `{from}`");
        let told = judged(&released.replace(from, to));
        assert_eq!(told.len(), 1, "passed with {to} for {from}");
        assert!(told[0].contains("`sta.ingesta.v1.A`") && told[0].contains("consumed by: vuelos"), "{told:?}");
    }
    let gone = Tree::of([("tests/released/0.1.0/ingesta/v1/A.avsc", released)]);
    assert!(broken_promises(&gone)[0].contains("is gone"));
    assert_eq!(broken_promises(&Tree::of([("tests/released/A.avsc", released)])).len(), 1);
}
