//! Refusals as clients read them: RFC 9457, `application/problem+json`.

use super::titles::title;
use crate::{
    application::{Fault, FaultKind},
    domain::Violation,
    infrastructure::client_texts,
};
use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use serde::Serialize;
use std::{borrow::Cow, fmt};
use utoipa::ToSchema;

/// A refusal. Any [`Fault`] becomes one with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    detail: String,
    violations: Vec<Blamed>,
    /// The methods that the route has, when the refusal is about the method.
    allow: Option<String>,
}

/// A field that is to blame for a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Violation)]
pub(super) struct Blamed {
    /// The field's path, or the parameter's name: `itinerarios[0].odos[1]`.
    pub(super) campo: String,
    /// The name of the rule that it breaks.
    pub(super) regla: Cow<'static, str>,
    /// What is wrong.
    pub(super) detalle: String,
}

impl From<&Violation> for Blamed {
    fn from(violation: &Violation) -> Self {
        Self { campo: violation.field.clone(), regla: violation.rule.into(), detalle: violation.detail.clone() }
    }
}

/// What a client reads of a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Which kind of problem: `/problemas/` and its name.
    #[schema(example = "/problemas/url-valida")]
    r#type: String,
    /// The kind of problem, in words.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong with this request.
    detail: &'a str,
    /// The same as `detail`.
    error: &'a str,
    /// The path of the request.
    instance: &'a str,
    /// The fields that are to blame.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    violations: &'a [Blamed],
}

impl Problem {
    /// A refusal of a kind that all contexts share, with what is wrong in Spanish.
    pub fn new(status: StatusCode, slug: &'static str, detail: impl Into<String>) -> Self {
        Self { status, slug, detail: detail.into(), violations: Vec::new(), allow: None }
    }

    /// What was asked for is not there: a thing, or a route.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-encontrado", detail)
    }

    /// The program is wrong. What is wrong is for the log, not for the client.
    pub fn defect() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defecto", "El servicio tiene un defecto")
    }

    /// The database does not answer in time.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-disponible", "La base de datos no responde")
    }

    pub(super) fn method_not_allowed(allow: String) -> Self {
        let detail = "La ruta no admite este metodo";
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "metodo-no-admitido", detail);
        Self { allow: Some(allow), ..problem }
    }

    /// A body, or with another slug a parameter, that cannot be read.
    pub(super) fn unreadable(slug: &'static str, blamed: Blamed) -> Self {
        let detail = match blamed.campo.as_str() {
            "" => blamed.detalle.clone(),
            campo => format!("{campo}: {}", blamed.detalle),
        };
        Self { violations: vec![blamed], ..Self::new(StatusCode::BAD_REQUEST, slug, detail) }
    }

    /// What the framework refuses, or what broke, when all that is known of it is the status.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("No existe la ruta"),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "demasiado-grande", "El cuerpo es demasiado grande"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(status, "tipo-no-admitido", "El tipo no se admite"),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(),
            status if status.is_server_error() => Self { status, ..Self::defect() },
            status => Self::new(status, "parametro-invalido", "La peticion no es valida"),
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer to a request for this path.
    pub(super) fn answer(&self, instance: &str) -> HttpResponse {
        let body = ProblemBody {
            r#type: format!("/problemas/{}", self.slug),
            title: title(self.slug, self.status),
            status: self.status.as_u16(),
            detail: &self.detail,
            error: &self.detail,
            instance,
            violations: &self.violations,
        };
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        if let Some(allow) = &self.allow {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
        answer.content_type("application/problem+json").json(body)
    }
}

impl<F: Fault> From<F> for Problem {
    fn from(fault: F) -> Self {
        let status = match fault.kind() {
            FaultKind::NotFound => StatusCode::NOT_FOUND,
            FaultKind::Rule => StatusCode::UNPROCESSABLE_ENTITY,
            FaultKind::Race | FaultKind::Conflict | FaultKind::Duplicate | FaultKind::Behind => StatusCode::CONFLICT,
            FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FaultKind::TimedOut | FaultKind::Overloaded | FaultKind::Unavailable | FaultKind::Unknown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            FaultKind::Defect => {
                tracing::error!(error = ?fault, "a request met a defect of the program");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let violations: Vec<Blamed> =
            fault.violations().map(|all| all.iter().map(Blamed::from).collect()).unwrap_or_default();
        let detail = match &violations[..] {
            [one] => one.detalle.clone(),
            _ => client_texts::detail(&fault),
        };
        Self { violations, ..Self::new(status, fault.slug(), detail) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Without [`around`](super::around()) the `instance` stays empty: nothing here knows the request.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.answer("")
    }
}
