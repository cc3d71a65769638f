//! Refusals as clients read them: RFC 9457, `application/problem+json`.

use super::{
    schemas::{Blamed, ProblemBody},
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
    violations: Vec<Blamed>,
    /// The methods that the route has, when the refusal is about the method.
    allow: Option<String>,
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
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defecto", texts::DEFECT)
    }

    /// The database does not answer in time.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-disponible", texts::UNAVAILABLE)
    }

    pub(super) fn method_not_allowed(allow: String) -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "metodo-no-admitido", texts::NO_METHOD);
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
            StatusCode::NOT_FOUND => Self::not_found(texts::NO_ROUTE),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "demasiado-grande", texts::LARGE_BODY),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(status, "tipo-no-admitido", texts::NO_MEDIA_TYPE),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(),
            status if status.is_server_error() => Self { status, ..Self::defect() },
            status => Self::new(status, "parametro-invalido", texts::INVALID),
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the answer to a request for this path.
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

    /// The answer to a request for this path.
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

/// Without [`around`](super::around()) the `instance` stays empty: nothing here knows the request.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.answer("")
    }
}
