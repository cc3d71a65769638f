//! What the parsers say, in the client's language: which field, which rule, what is wrong. Types of the program are not
//! named.

use super::{schemas::Blamed, texts};
use serde::de::Error;

/// How a refusal by a rule of our own begins, among what libraries say: see [`refusal`].
const OURS: &str = "regla ";

/// A refusal that a field's own parser makes, with the name of its rule and what is wrong in Spanish.
pub(super) fn refusal<E: Error>(rule: &str, detail: impl std::fmt::Display) -> E {
    E::custom(format_args!("{OURS}{rule}: {detail}"))
}

/// What a parser said about the field at `path` (`.` is the whole).
pub(super) fn explain(path: &str, message: &str) -> Blamed {
    let path = if path == "." { "" } else { path };
    let blamed = |regla: &str, detalle: &str| Blamed {
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
        Blamed { campo, ..blamed(regla, detalle) }
    };
    if let Some((regla, detalle)) = message.strip_prefix(OURS).and_then(|ours| ours.split_once(": ")) {
        return blamed(regla, detalle);
    }
    let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| message.starts_with(beginning));
    if starts(&["missing field"]) {
        member("campo-obligatorio", texts::MISSING)
    } else if starts(&["duplicate field"]) {
        member("campo-unico", texts::REPEATED)
    } else if starts(&["invalid type: null", "invalid type: unit", "invalid type: Option value"]) {
        blamed("tipo-correcto", texts::NULL)
    } else if starts(&["invalid type", "invalid length"]) {
        blamed("tipo-correcto", &texts::wrong_type(expected(message)))
    } else if starts(&["unknown variant"]) {
        blamed("valor-conocido", &variants(message))
    } else if starts(&["UUID parsing failed", "invalid length: expected length 32", "invalid character: expected"]) {
        blamed("uuid-valido", texts::MALFORMED_UUID)
    } else if starts(&["invalid digit", "number too", "cannot parse integer", "invalid float"]) {
        blamed("numero-valido", texts::MALFORMED_NUMBER)
    } else if starts(&["input ", "premature end", "trailing input"]) {
        blamed("fecha-valida", texts::MALFORMED_DATE)
    } else {
        blamed("valor-valido", texts::INVALID_VALUE)
    }
}

/// What was expected, if it has a name that clients know.
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

/// The values that are known, as they are written: every second part between backticks, after the unknown one.
fn variants(message: &str) -> String {
    let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    texts::unknown_value(&known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, message: &str, campo: &str, regla: &str, detalle: &str) {
        let expected = Blamed { campo: campo.into(), regla: regla.to_owned().into(), detalle: detalle.into() };
        assert_eq!(explain(path, message), expected);
    }

    #[test]
    fn a_member_is_named_with_its_path() {
        check(".", "missing field `a`", "a", "campo-obligatorio", "Falta el campo");
        check("x[0].y", "missing field `a`", "x[0].y.a", "campo-obligatorio", "Falta el campo");
        check("x.a", "duplicate field `a`", "x.a", "campo-unico", "El campo está repetido");
    }

    #[test]
    fn a_wrong_type_is_told_without_names_of_the_program() {
        let told = "El tipo es incorrecto: debe ser un texto";
        check("a", "invalid type: integer `1`, expected a string", "a", "tipo-correcto", told);
        let told = "El tipo es incorrecto: debe ser un objeto";
        check("a", "invalid type: integer `1`, expected struct CrearBody", "a", "tipo-correcto", told);
        let told = "El tipo es incorrecto: debe ser un número";
        check("a", "invalid type: string \"1\", expected u32", "a", "tipo-correcto", told);
        check("a", "invalid type: null, expected a string", "a", "tipo-correcto", "No puede ser nulo");
    }

    #[test]
    fn known_values_are_listed() {
        let message = "unknown variant `x`, expected one of `natural`, `empresa`";
        let told = "El valor no se conoce: debe ser uno de natural, empresa";
        check("tipo", message, "tipo", "valor-conocido", told);
        let message = "unknown variant `x`, expected `a` or `b`";
        check("tipo", message, "tipo", "valor-conocido", "El valor no se conoce: debe ser uno de a, b");
    }

    #[test]
    fn a_refusal_of_our_own_keeps_its_rule() {
        let error: serde_json::Error = refusal("estado-valido", "No existe ese estado: ninguno");
        check("estado", &error.to_string(), "estado", "estado-valido", "No existe ese estado: ninguno");
    }

    #[test]
    fn what_a_library_says_in_its_own_words_is_not_passed_on() {
        check("a", "quux exploded in foo::Bar", "a", "valor-valido", "El valor no es válido");
    }
}
