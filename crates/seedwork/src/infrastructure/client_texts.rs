//! The catalogue of the texts that the engine sends to clients, in Spanish: over HTTP, in the OpenAPI document, and in
//! refusals through the broker. A context brings the texts of its own refusals. The docs of `http::schemas` are texts for
//! clients, too.

use crate::application::{Fault, StorageError};
use actix_web::http::StatusCode;

/// Returns the text of a refusal for clients. A context has its own; errors of the engine have theirs here. The name of
/// a unique constraint is for the log only.
pub(crate) fn detail(fault: &impl Fault) -> String {
    if let Some(StorageError::Unique(constraint)) = fault.storage_error() {
        tracing::warn!(constraint, "no refusal of the context stands for this unique constraint");
    }
    fault.storage_error().map_or_else(|| fault.to_string(), storage_error)
}

pub(crate) fn storage_error(error: &StorageError) -> String {
    let text = match error {
        StorageError::TooLarge { bytes, limit } => {
            return format!("Los datos son demasiado grandes: {bytes} bytes, y caben {limit}");
        }
        StorageError::Unique(_) => "Ya existe",
        StorageError::ConcurrencyConflict => "Otra petición cambió lo mismo antes que esta",
        StorageError::Invalid(_) => "Los datos no se pueden guardar",
        StorageError::Duplicate => "La petición ya se atendió",
        StorageError::Behind => "La petición espera a otra anterior",
        StorageError::Defect(_) => DEFECT,
        StorageError::TimedOut => "La petición tardó demasiado",
        StorageError::Overloaded => "Hay demasiadas peticiones en espera",
        StorageError::Unavailable => UNAVAILABLE,
        StorageError::Unknown => "No se sabe si la petición se cumplió",
    };
    text.to_owned()
}

// Details of problems.

pub(crate) const NOT_FOUND: &str = "No existe lo que se pide";
pub(crate) const NO_ROUTE: &str = "No existe la ruta";
pub(crate) const NO_METHOD: &str = "La ruta no admite este método";
pub(crate) const DEFECT: &str = "El servicio tiene un defecto";
pub(crate) const UNAVAILABLE: &str = "La base de datos no responde";
pub(crate) const NO_MEDIA_TYPE: &str = "El tipo de contenido no se admite";
pub(crate) const INVALID: &str = "La petición no es válida";
pub(crate) const NOT_HTTP: &str = "La petición no es HTTP válido";
pub(crate) const LATE: &str = "La petición no llegó completa a tiempo";
pub(crate) const LARGE_HEAD: &str = "La cabecera es demasiado grande";
pub(crate) const LARGE_BODY: &str = "El cuerpo es demasiado grande";
pub(crate) const EMPTY_BODY: &str = "El cuerpo está vacío";
pub(crate) const INCOMPLETE_BODY: &str = "El cuerpo no llegó completo";
pub(crate) const NOT_JSON: &str = "El cuerpo debe ser JSON en UTF-8 (application/json)";
pub(crate) const NOT_UTF_8_BODY: &str = "El cuerpo no es UTF-8";
pub(crate) const NOT_UTF_8: &str = "El texto no es UTF-8";

pub(crate) fn larger_body(limit: usize) -> String {
    format!("{LARGE_BODY}: se admiten {limit} bytes como máximo")
}

pub(crate) fn malformed_json(line: usize, column: usize) -> String {
    format!("El cuerpo no es JSON bien formado (línea {line}, columna {column})")
}

// Details of fields.

pub(crate) const MISSING: &str = "Falta el campo";
pub(crate) const REPEATED: &str = "El campo está repetido";
pub(crate) const NULL: &str = "No puede ser nulo";
pub(crate) const MALFORMED_UUID: &str = "El UUID está mal formado";
pub(crate) const MALFORMED_NUMBER: &str = "Debe ser un número que no sea demasiado grande";
pub(crate) const MALFORMED_DATE: &str = "La fecha está mal formada";
pub(crate) const INVALID_VALUE: &str = "El valor no es válido";
pub(crate) const INVALID_INSTANT: &str = "La fecha debe tener día, hora y zona, como 2026-12-31T23:59:59Z";
pub(crate) const INVALID_DAY: &str = "La fecha debe ser un día que exista, como 2026-12-31";
pub(crate) const INVALID_CURSOR: &str = "El cursor no es uno de los que da este servicio";

pub(crate) fn wrong_type(expected: Option<&str>) -> String {
    match expected {
        Some(expected) => format!("El tipo es incorrecto: debe ser {expected}"),
        None => "El tipo es incorrecto".to_owned(),
    }
}

pub(crate) fn unknown_value(known: &str) -> String {
    format!("El valor no se reconoce: debe ser uno de estos: {known}")
}

pub(crate) fn invalid_limit(most: u32) -> String {
    format!("El límite debe ser un número de 1 a {most}")
}

pub(crate) const A_TEXT: &str = "un texto";
pub(crate) const A_UUID: &str = "un texto con un UUID";
pub(crate) const A_DATE: &str = "un texto con una fecha";
pub(crate) const A_BOOLEAN: &str = "verdadero o falso";
pub(crate) const AN_OBJECT: &str = "un objeto";
pub(crate) const A_LIST: &str = "una lista";
pub(crate) const A_NUMBER: &str = "un número";

/// The title of a problem. A slug that is not here is the name of a rule, and has the title of its status.
pub(crate) fn title(slug: &str, status: StatusCode) -> &'static str {
    match slug {
        "cuerpo-invalido" => "El cuerpo de la petición no es válido",
        "parametro-invalido" => "Un parámetro de la petición no es válido",
        "peticion-invalida" => INVALID,
        "peticion-incompleta" => "La petición no llegó a tiempo",
        "no-encontrado" => "No encontrado",
        "metodo-no-admitido" => "Método no admitido",
        "tipo-no-admitido" => "Tipo de contenido no admitido",
        "demasiado-grande" => "Demasiado grande",
        "transicion-invalida" => "Transición no permitida",
        "conflicto-de-version" => "Conflicto de versión",
        "id-ya-existe" | "email-registrado" | "documento-registrado" => "Ya existe",
        "sobrecarga" => "Demasiadas peticiones en espera",
        "no-disponible" => "Servicio no disponible",
        "resultado-desconocido" => "Resultado desconocido",
        _ => match status {
            StatusCode::NOT_FOUND => "No encontrado",
            StatusCode::CONFLICT => "Conflicto",
            StatusCode::UNPROCESSABLE_ENTITY => "Regla de negocio incumplida",
            status if status.is_server_error() => "Error interno",
            _ => INVALID,
        },
    }
}

// Descriptions for the OpenAPI document.

pub(crate) const ACCEPTED: &str = "El comando se cumplió y su resultado es durable.";
pub(crate) const LOCATION: &str = "Ruta en la que se consulta.";
pub(crate) const ETAG: &str = "La versión.";
pub(crate) const CHOICE: &str = "Uno de estos nombres, escrito exactamente así.";
pub(crate) const NOT_MODIFIED: &str = "No ha cambiado: sigue en la versión indicada en `If-None-Match`.";
pub(crate) const LIMIT: &str =
    "Número máximo de elementos. Si los elementos son grandes, la página puede traer menos y hay que seguir el cursor.";
pub(crate) const CURSOR: &str = "El `siguiente` de la página anterior. Sin él, se lee la primera página.";

/// The description of a problem with this status.
pub(crate) fn problem(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => {
            "La petición no se puede leer. `violations` nombra el primer campo o parámetro ilegible; \
             las reglas de negocio no se comprueban todavía."
        }
        StatusCode::NOT_FOUND => "No existe lo que se pide.",
        StatusCode::CONFLICT => "Otra petición se adelantó, o ya existe algo que debe ser único.",
        StatusCode::PAYLOAD_TOO_LARGE => "El cuerpo es demasiado grande.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "El cuerpo no es JSON.",
        StatusCode::UNPROCESSABLE_ENTITY => "Se incumplen reglas de negocio. `violations` las nombra todas.",
        _ => {
            "El servicio no puede responder ahora. La petición se puede repetir tras los segundos de `Retry-After`, \
             salvo con `resultado-desconocido`: entonces hay que consultar antes si se cumplió."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BrokenRule;

    crate::refusal! {
        /// A rule of a business.
        struct Odd: "par", "Debe ser par";
    }

    #[test]
    fn an_error_of_the_engine_has_a_text_for_clients_that_hides_its_cause() {
        for (error, text) in [
            (StorageError::Unavailable, "La base de datos no responde"),
            (StorageError::Unique("clientes_email".into()), "Ya existe"),
            (StorageError::TooLarge { bytes: 2, limit: 1 }, "Los datos son demasiado grandes: 2 bytes, y caben 1"),
            (StorageError::Defect("a column is missing".into()), "El servicio tiene un defecto"),
            (StorageError::Invalid("numeric out of range".into()), "Los datos no se pueden guardar"),
        ] {
            assert_eq!(detail(&error), text);
        }
    }

    #[test]
    fn a_refusal_of_the_business_keeps_its_own_text() {
        assert_eq!((detail(&Odd).as_str(), Odd.rule()), ("Debe ser par", "par"));
    }
}
