//! The shapes of the answers that all contexts share. `/spec` publishes their docs, so these are Spanish.

use crate::domain::Violation;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;
use uuid::Uuid;

/// La respuesta a un comando que se cumplió.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedBody {
    /// El id de aquello sobre lo que actuó el comando.
    pub(super) id: Uuid,
}

/// Una página de una lista.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageBody<T> {
    /// Los elementos de esta página.
    pub(super) items: Vec<T>,
    /// El cursor de la página siguiente; nulo si esta es la última.
    #[schema(required, example = "AAXuCbv0jUABmMDeAABwAIAAAAAAAAAB")]
    pub(super) siguiente: Option<String>,
}

/// Un problema, según la RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// La clase de problema: `/problemas/` y su nombre.
    #[schema(example = "/problemas/url-valida")]
    pub(super) r#type: String,
    /// La clase de problema, en palabras.
    #[schema(example = "Regla de negocio incumplida")]
    pub(super) title: &'a str,
    /// El estado de la respuesta.
    #[schema(example = 422)]
    pub(super) status: u16,
    /// El motivo por el que no se atiende esta petición.
    #[schema(example = "La ruta de la imagen debe ser válida")]
    pub(super) detail: &'a str,
    /// Lo mismo que `detail`.
    #[schema(example = "La ruta de la imagen debe ser válida")]
    pub(super) error: &'a str,
    /// La ruta de la petición.
    #[schema(example = "/ingesta/crear-ingesta-comando")]
    pub(super) instance: &'a str,
    /// Los campos o parámetros que lo causan.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    pub(super) violations: &'a [FieldViolation],
}

/// Un campo o parámetro que incumple una regla.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Violation)]
pub(super) struct FieldViolation {
    /// La ruta del campo, como `itinerarios[0].odos[1]`, o el nombre del parámetro.
    #[schema(example = "url_path")]
    pub(super) campo: String,
    /// El nombre de la regla.
    #[schema(example = "url-valida")]
    pub(super) regla: Cow<'static, str>,
    /// Lo que debe corregirse.
    #[schema(example = "La ruta de la imagen debe ser válida")]
    pub(super) detalle: String,
}

impl From<&Violation> for FieldViolation {
    fn from(violation: &Violation) -> Self {
        Self { campo: violation.field.clone(), regla: violation.rule.into(), detalle: violation.detail.clone() }
    }
}
