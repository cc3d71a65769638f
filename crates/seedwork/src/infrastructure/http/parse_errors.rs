//! Translates errors of parsers for clients: the field, the rule and a text. Types of the program are not named.

use super::{schemas::FieldViolation, texts};
use serde::de::Error;

/// The prefix of errors by our own rules, which those of libraries lack: see [`rule_error`].
const OURS: &str = "regla ";

/// Returns the error of a field's own parser, with the name of the rule and a text for clients.
pub(super) fn rule_error<E: Error>(rule: &str, detail: impl std::fmt::Display) -> E {
    E::custom(format_args!("{OURS}{rule}: {detail}"))
}

/// Translates the error of a parser about the field at `path`; `.` is the whole body.
pub(super) fn field_violation(path: &str, message: &str) -> FieldViolation {
    let path = if path == "." { "" } else { path };
    let violation = |regla: &str, detalle: &str| FieldViolation {
        campo: path.to_owned(),
        regla: regla.to_owned().into(),
        detalle: detalle.to_owned(),
    };
    let member = |regla: &str, detalle: &str| {
        let name = message.split('`').nth(1).unwrap_or_default();
        let campo = match path {
            "" => name.to_owned(),
            path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
            path => format!("{path}.{name}"),
        };
        FieldViolation { campo, ..violation(regla, detalle) }
    };
    if let Some((regla, detalle)) = message.strip_prefix(OURS).and_then(|ours| ours.split_once(": ")) {
        return violation(regla, detalle);
    }
    let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| message.starts_with(beginning));
    if starts(&["missing field"]) {
        member("campo-obligatorio", texts::MISSING)
    } else if starts(&["duplicate field"]) {
        member("campo-unico", texts::REPEATED)
    } else if starts(&["invalid type: null", "invalid type: unit", "invalid type: Option value"]) {
        violation("tipo-correcto", texts::NULL)
    } else if starts(&["invalid type", "invalid length"]) {
        violation("tipo-correcto", &texts::wrong_type(expected(message)))
    } else if starts(&["unknown variant"]) {
        violation("valor-conocido", &variants(message))
    } else if starts(&["UUID parsing failed", "invalid length: expected length 32", "invalid character: expected"]) {
        violation("uuid-valido", texts::MALFORMED_UUID)
    } else if starts(&["invalid digit", "number too", "cannot parse integer", "invalid float"]) {
        violation("numero-valido", texts::MALFORMED_NUMBER)
    } else if starts(&["input ", "premature end", "trailing input"]) {
        violation("fecha-valida", texts::MALFORMED_DATE)
    } else {
        violation("valor-valido", texts::INVALID_VALUE)
    }
}

/// Returns the expected type in words, if clients know it.
fn expected(message: &str) -> Option<&'static str> {
    let (_, expected) = message.rsplit_once("expected ")?;
    Some(match expected.trim() {
        "a string" | "string" | "a borrowed string" => texts::A_TEXT,
        "a formatted UUID string" | "a UUID" => texts::A_UUID,
        "a boolean" => texts::A_BOOLEAN,
        "a map" => texts::AN_OBJECT,
        text if text.starts_with("struct ") || text.contains("enum ") => texts::AN_OBJECT,
        text if text.starts_with("a sequence") => texts::A_LIST,
        text if text.starts_with(['i', 'u', 'f']) && text[1..].parse::<u8>().is_ok() => texts::A_NUMBER,
        text if text.contains("formatted date") => texts::A_DATE,
        _ => return None,
    })
}

/// Returns the text for an unknown value. Serde lists the known ones in backticks, after the unknown one.
fn variants(message: &str) -> String {
    let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    texts::unknown_value(&known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, message: &str, campo: &str, regla: &str, detalle: &str) {
        let expected = FieldViolation { campo: campo.into(), regla: regla.to_owned().into(), detalle: detalle.into() };
        assert_eq!(field_violation(path, message), expected);
    }

    #[test]
    fn a_member_is_named_with_its_path() {
        check(".", "missing field `a`", "a", "campo-obligatorio", "Falta el campo");
        check("x[0].y", "missing field `a`", "x[0].y.a", "campo-obligatorio", "Falta el campo");
        check("x.a", "duplicate field `a`", "x.a", "campo-unico", "El campo está repetido");
    }

    #[test]
    fn the_text_of_a_wrong_type_has_no_names_of_the_program() {
        let text = "El tipo es incorrecto: debe ser un texto";
        check("a", "invalid type: integer `1`, expected a string", "a", "tipo-correcto", text);
        let text = "El tipo es incorrecto: debe ser un objeto";
        check("a", "invalid type: integer `1`, expected struct CrearBody", "a", "tipo-correcto", text);
        let text = "El tipo es incorrecto: debe ser un número";
        check("a", "invalid type: string \"1\", expected u32", "a", "tipo-correcto", text);
        check("a", "invalid type: null, expected a string", "a", "tipo-correcto", "No puede ser nulo");
    }

    #[test]
    fn known_values_are_listed() {
        let message = "unknown variant `x`, expected one of `natural`, `empresa`";
        let text = "El valor no se reconoce: debe ser uno de estos: natural, empresa";
        check("tipo", message, "tipo", "valor-conocido", text);
        let message = "unknown variant `x`, expected `a` or `b`";
        check("tipo", message, "tipo", "valor-conocido", "El valor no se reconoce: debe ser uno de estos: a, b");
    }

    #[test]
    fn an_error_by_a_rule_of_ours_keeps_its_rule() {
        let error: serde_json::Error = rule_error("estado-valido", "No existe ese estado: ninguno");
        check("estado", &error.to_string(), "estado", "estado-valido", "No existe ese estado: ninguno");
    }

    #[test]
    fn the_words_of_a_library_are_not_passed_on() {
        check("a", "quux exploded in foo::Bar", "a", "valor-valido", "El valor no es válido");
    }
}
