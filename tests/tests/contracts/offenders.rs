//! Each rule of the published language is shown an offender, and a pair that keeps all of them.

use super::*;

const PATH: &str = "schema/ingesta/v1/IngestaAlertada.avsc";
const TYPES: &str = "crates/ingesta/src/application/integration/published.rs";

const SCHEMA: &str = r#"{
  "type": "record", "name": "IngestaAlertada", "namespace": "sta.ingesta.v1", "topic": "eventos-ingesta", "fields": [
    {"name": "id_ingesta", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Which."},
    {"name": "id_paciente", "type": "string", "doc": "Whose.", "pii": true},
    {"name": "estado", "doc": "What became of it.",
     "type": {"type": "enum", "name": "Estado", "symbols": ["Otro", "Alertada"], "default": "Otro"}},
    {"name": "notas", "doc": "By whom.", "type": {"type": "array", "items":
      {"type": "record", "name": "Nota", "fields": [{"name": "texto", "type": "string", "doc": "What."}]}}},
    {"name": "motivo", "type": ["null", "string"], "default": null, "doc": "Why."},
    {"name": "fecha", "type": {"type": "long", "logicalType": "timestamp-micros"}, "doc": "When."}
  ]
}"#;

const STRUCT: &str = r#"
    #[derive(IntegrationEvent)]
    #[event(record = "sta.ingesta.v1.IngestaAlertada", topic = "eventos-ingesta", key = id_ingesta)]
    pub struct IngestaAlertada {
        pub id_ingesta: Uuid, pub id_paciente: String, pub estado: Estado, pub notas: Vec<Nota>,
        #[serde(rename = "motivo")] pub razon: Option<String>, pub fecha: Timestamp,
    }
    pub struct Nota { pub texto: String }
    pub enum Estado { Otro, #[serde(rename = "Alertada")] EnAlerta }
"#;

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the fixture no longer has `{from}`");
    text.replace(from, to)
}

#[test]
fn a_schema_that_keeps_the_rules_passes_and_each_rule_catches_an_offender() {
    assert_nothing(wrong_schema(PATH, SCHEMA));
    for (from, to) in [
        ("\"IngestaAlertada\"", "\"IngestaRechazada\""),
        ("sta.ingesta.v1", "sta.ingesta.v2"),
        ("\"topic\": \"eventos-ingesta\", ", ""),
        ("\"Which.\"", "\" \""),
        (", \"doc\": \"What.\"", ""),
        (r#"{"type": "string", "logicalType": "uuid"}"#, r#""string""#),
        (r#""type": "string", "doc": "Whose.""#, r#""type": {"type": "string", "logicalType": "uuid"}, "doc": "x""#),
        ("timestamp-micros", "timestamp-millis"),
        (r#"{"type": "long", "logicalType": "timestamp-micros"}"#, r#""long""#),
        (r#", "default": "Otro""#, ""),
        (r#""default": null, "#, ""),
        (r#"["null", "string"], "default": null"#, r#"["string", "null"], "default": "x""#),
        (r#"["null", "string"]"#, r#"["null", "string", "long"]"#),
        ("\"type\": \"record\", \"name\": \"IngestaAlertada\"", "\"type\": \"no\", \"name\": \"IngestaAlertada\""),
    ] {
        let offender = replaced(SCHEMA, from, to);
        assert!(!wrong_schema(PATH, &offender).is_empty(), "passed with {to} for {from}");
    }
    assert_eq!(wrong_schema("schema/ingesta/IngestaAlertada.avsc", SCHEMA).len(), 1);
    // Where patients are kept their ids are ours.
    let of_pacientes = SCHEMA.replace("sta.ingesta", "sta.pacientes");
    assert_eq!(wrong_schema("schema/pacientes/v1/IngestaAlertada.avsc", &of_pacientes).len(), 1);
    assert_eq!(wrong_schema("schema/ingesta/v01/IngestaAlertada.avsc", SCHEMA).len(), 1);
    assert_eq!(wrong_schema("schema/ingesta/v1/E.avsc", r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#).len(), 1);
}

fn broken(schema: &str, types_at: &str, types: &str) -> Vec<String> {
    let domain = ("crates/ingesta/src/domain/mod.rs", "pub enum Estado { Other }");
    broken_contracts(&Tree::of([domain, (PATH, schema), (types_at, types)]))
}

#[test]
fn a_type_like_its_schema_passes_and_each_difference_is_caught() {
    assert_nothing(broken(SCHEMA, TYPES, STRUCT));
    for (from, to) in [
        ("sta.ingesta.v1.IngestaAlertada", "sta.ingesta.v1.IngestaRechazada"),
        ("struct IngestaAlertada", "struct Alertada"),
        ("pub id_paciente: String,", ""),
        ("Option<String>", "String"),
        ("pub fecha: Timestamp", "pub fecha: Option<Timestamp>"),
        ("#[serde(rename = \"motivo\")]", ""),
        ("pub id_ingesta: Uuid, pub id_paciente: String", "pub id_paciente: String, pub id_ingesta: Uuid"),
        ("pub texto: String", "pub texto: Option<String>"),
        ("struct Nota", "struct Comentario"),
        ("EnAlerta }", "EnAlerta, Nueva }"),
        ("#[serde(rename = \"Alertada\")]", ""),
        ("#[event(", "#[evento("),
    ] {
        let offender = replaced(STRUCT, from, to);
        assert!(!broken(SCHEMA, TYPES, &offender).is_empty(), "passed with {to} for {from}");
    }
}

#[test]
fn an_enum_of_a_schema_has_the_names_of_its_choice_after_the_default() {
    let types = replaced(STRUCT, r#"pub enum Estado { Otro, #[serde(rename = "Alertada")] EnAlerta }"#, "");
    let broken = |choice: &str, schema: &str| {
        let domain = ("crates/ingesta/src/domain/mod.rs", choice);
        broken_contracts(&Tree::of([domain, (PATH, schema), (TYPES, &types)]))
    };
    let choice = r#"seedwork::choice! { /// D.
        pub enum Estado as EstadoDeIngesta { /// D.
            EnAlerta = "Alertada", } pub struct Malo: "estado-valido", "El estado"; }"#;
    assert_nothing(broken(choice, SCHEMA));
    for (from, to) in [(r#" = "Alertada""#, ""), ("Alertada\",", "Alertada\", Nueva,"), ("enum Estado", "enum Otro")] {
        assert_eq!(broken(&replaced(choice, from, to), SCHEMA).len(), 1, "passed with {to} for {from}");
    }
    let schema = replaced(SCHEMA, r#"["Otro", "Alertada"]"#, r#"["Alertada", "Otro"]"#);
    assert_eq!(broken(choice, &schema).len(), 1);
}

#[test]
fn a_type_in_the_wrong_place_twice_or_only_in_tests_is_caught() {
    let misplaced = broken(SCHEMA, "crates/ingesta/src/infrastructure/published.rs", STRUCT);
    assert!(misplaced.iter().any(|wrong| wrong.contains("belongs in")), "{misplaced:?}");
    assert_eq!(broken(SCHEMA, TYPES, &format!("{STRUCT} mod more {{ {STRUCT} }}")).len(), 1);
    assert_eq!(broken(SCHEMA, TYPES, &format!("#[cfg(test)] mod tests {{ {STRUCT} }}")).len(), 2);
    assert_eq!(broken(SCHEMA, TYPES, "").len(), 2);
}

#[test]
fn a_record_of_another_context_needs_a_schema_and_may_be_read_in_part() {
    let consumed = r#"#[event(record = "sta.ingesta.v1.IngestaAlertada", topic = "eventos-ingesta", key = id_ingesta)]
        struct Alerta { id_ingesta: Uuid }"#;
    let judged = |consumed: &str| {
        broken_contracts(&Tree::of([
            ("crates/ingesta/src/domain/mod.rs", ""),
            ("crates/vuelos/src/domain/mod.rs", ""),
            (PATH, SCHEMA),
            (TYPES, STRUCT),
            ("crates/vuelos/src/application/integration/consumed.rs", consumed),
        ]))
    };
    assert_nothing(judged(consumed));
    assert_eq!(judged(&replaced(consumed, "IngestaAlertada", "IngestaPerdida")).len(), 1);
}

#[test]
fn records_that_a_macro_declares_are_seen() {
    let (events, others) = STRUCT.split_once("pub struct Nota").expect("the fixture has it");
    let body = replaced(events, "\"sta.ingesta.v1.IngestaAlertada\"", "$full_name");
    let body = replaced(&body, "struct IngestaAlertada", "struct $record");
    let body = replaced(&body, "pub id_ingesta", "$(#[$more])* pub id_ingesta");
    let declared = |call: &str| {
        let rules =
            format!("($($(#[$doc:meta])* $record:ident = $full_name:literal;)+) => {{$( $(#[$doc])* {body} )+}};");
        format!("macro_rules! events {{ {rules} }} events! {{ {call} }} pub struct Nota{others}")
    };
    assert_nothing(broken(SCHEMA, TYPES, &declared("/// D.\nIngestaAlertada = \"sta.ingesta.v1.IngestaAlertada\";")));
    assert_eq!(broken(SCHEMA, TYPES, &declared("Alertada = \"sta.ingesta.v1.IngestaAlertada\";")).len(), 1);
    let off = replaced(&declared("IngestaAlertada = \"sta.ingesta.v1.IngestaAlertada\";"), "pub fecha: Timestamp,", "");
    assert_eq!(broken(SCHEMA, TYPES, &off).len(), 1);
}

#[test]
fn an_optional_field_of_a_macro_is_in_the_records_that_name_it() {
    let (events, others) = STRUCT.split_once("pub struct Nota").expect("the fixture has it");
    let body = replaced(events, "\"sta.ingesta.v1.IngestaAlertada\"", "$full_name");
    let body = replaced(&body, "struct IngestaAlertada", "struct $record");
    let body = replaced(&body, "pub id_paciente: String,", "$(pub $id_paciente: String,)?");
    let rules = format!("($($record:ident = $full_name:literal $(, $id_paciente:ident)?;)+) => {{$( {body} )+}};");
    let declared =
        |line: &str| format!("macro_rules! events {{ {rules} }} events! {{ {line} }} pub struct Nota{others}");
    let line = "IngestaAlertada = \"sta.ingesta.v1.IngestaAlertada\"";
    assert_nothing(broken(SCHEMA, TYPES, &declared(&format!("{line}, id_paciente;"))));
    assert_eq!(broken(SCHEMA, TYPES, &declared(&format!("{line};"))).len(), 1);
}
