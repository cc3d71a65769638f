//! Refusals as clients read them: RFC 9457, `application/problem+json`.

use super::{
    schemas::{FieldViolation, ProblemBody},
    texts,
};
use crate::application::{Fault, FaultKind};
use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use std::fmt;

/// A refusal. Any [`Fault`] becomes one with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    detail: String,
    violations: Vec<FieldViolation>,
    /// The methods of the route, if the refusal is about the method.
    allow: Option<String>,
}

impl Problem {
    /// Returns a problem that all contexts share, with a text for clients.
    pub fn new(status: StatusCode, slug: &'static str, detail: impl Into<String>) -> Self {
        Self { status, slug, detail: detail.into(), violations: Vec::new(), allow: None }
    }

    /// Returns the problem of an aggregate or a route that does not exist.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-encontrado", detail)
    }

    /// Returns the problem of a defect of the program. Its cause is for the log, not for the client.
    pub fn defect() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defecto", texts::DEFECT)
    }

    /// Returns the problem of a database that does not answer in time.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-disponible", texts::UNAVAILABLE)
    }

    pub(super) fn method_not_allowed(allow: String) -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "metodo-no-admitido", texts::NO_METHOD);
        Self { allow: Some(allow), ..problem }
    }

    /// Returns the problem of a body or, with another slug, of a parameter that cannot be parsed.
    pub(super) fn unreadable(slug: &'static str, violation: FieldViolation) -> Self {
        let detail = match violation.campo.as_str() {
            "" => violation.detalle.clone(),
            campo => format!("{campo}: {}", violation.detalle),
        };
        Self { violations: vec![violation], ..Self::new(StatusCode::BAD_REQUEST, slug, detail) }
    }

    /// Returns the problem of a refusal or a failure of which only the status is known.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(texts::NO_ROUTE),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "demasiado-grande", texts::LARGE_BODY),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(status, "tipo-no-admitido", texts::NO_MEDIA_TYPE),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(),
            status if status.is_server_error() => Self { status, ..Self::defect() },
            status => Self::new(status, "parametro-invalido", texts::INVALID),
        }
    }

    /// Returns the status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the body of the answer to a request for this path.
    pub(super) fn body<'a>(&'a self, instance: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            r#type: format!("/problemas/{}", self.slug),
            title: texts::title(self.slug, self.status),
            status: self.status.as_u16(),
            detail: &self.detail,
            error: &self.detail,
            instance,
            violations: &self.violations,
        }
    }

    /// Returns the answer to a request for this path.
    pub(super) fn answer(&self, instance: &str) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        if let Some(allow) = &self.allow {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
        answer.content_type("application/problem+json").json(self.body(instance))
    }
}

impl<F: Fault> From<F> for Problem {
    fn from(fault: F) -> Self {
        let status = match fault.kind() {
            FaultKind::NotFound => StatusCode::NOT_FOUND,
            FaultKind::Rule => StatusCode::UNPROCESSABLE_ENTITY,
            FaultKind::ConcurrencyConflict | FaultKind::AlreadyExists | FaultKind::Duplicate | FaultKind::Behind => {
                StatusCode::CONFLICT
            }
            FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            FaultKind::TimedOut | FaultKind::Overloaded | FaultKind::Unavailable | FaultKind::Unknown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            FaultKind::Defect => {
                tracing::error!(error = ?fault, "a request met a defect of the program");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let violations: Vec<FieldViolation> =
            fault.violations().map(|all| all.iter().map(FieldViolation::from).collect()).unwrap_or_default();
        let detail = match &violations[..] {
            [one] => one.detalle.clone(),
            _ => texts::detail(&fault),
        };
        Self { violations, ..Self::new(status, fault.slug(), detail) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Without [`middleware`](super::middleware()) the `instance` is empty, because the request is not known here.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.answer("")
    }
}
