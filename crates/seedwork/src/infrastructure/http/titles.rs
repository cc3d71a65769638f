//! The titles of problems: what kind of refusal it is, in the client's language.

use actix_web::http::StatusCode;

/// The title of a problem. A slug that is not here is the name of a rule, and has the title of its status.
pub(super) fn title(slug: &str, status: StatusCode) -> &'static str {
    match slug {
        "cuerpo-invalido" => "El cuerpo de la peticion no es valido",
        "parametro-invalido" => "Un parametro de la peticion no es valido",
        "peticion-invalida" => "La petición no es válida",
        "peticion-incompleta" => "La petición no llegó a tiempo",
        "no-encontrado" => "No encontrado",
        "metodo-no-admitido" => "Metodo no admitido",
        "tipo-no-admitido" => "Tipo de contenido no admitido",
        "demasiado-grande" => "Demasiado grande",
        "transicion-invalida" => "Transicion no permitida",
        "conflicto-de-version" => "Conflicto de version",
        "id-ya-existe" | "email-registrado" | "documento-registrado" => "Ya existe",
        "sobrecarga" => "Demasiadas peticiones en espera",
        "no-disponible" => "Servicio no disponible",
        "resultado-desconocido" => "Resultado desconocido",
        _ => match status {
            StatusCode::NOT_FOUND => "No encontrado",
            StatusCode::CONFLICT => "Conflicto",
            StatusCode::UNPROCESSABLE_ENTITY => "Regla de negocio incumplida",
            status if status.is_server_error() => "Error interno",
            _ => "Peticion no valida",
        },
    }
}
