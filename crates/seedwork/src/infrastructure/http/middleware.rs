//! The middleware of the server.

use super::{
    access_log,
    correlation::{self, CORRELATION_ID},
    problem::Problem,
};
use actix_web::{
    Error, HttpMessage,
    body::{BodySize, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{Method, header::HeaderValue},
    middleware::Next,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Instant};
use tracing::Instrument;

/// Wraps every request, as the outermost layer of the server: `.wrap(from_fn(middleware))`.
///
/// It takes the correlation id of the request, or makes one, and returns it with every answer. It opens the span of the
/// request, answers `HEAD` as `GET`, turns every refusal into a problem, and counts and logs.
///
/// # Errors
///
/// The errors of inner middleware; routes always answer.
pub async fn middleware<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let start = Instant::now();
    let cause = correlation::cause(request.headers());
    let header = correlation::header(&cause);
    let method = request.method().clone();
    if method == Method::HEAD {
        // The server remembers what was asked and sends no body.
        request.head_mut().method = Method::GET;
    }
    let span = tracing::info_span!("request", correlation_id = cause.correlation_id);
    request.extensions_mut().insert(cause);
    async move {
        let uri = request.uri().clone();
        let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
        let mut response = as_problem(answered.unwrap_or_else(|_| Err(broken(uri.path(), header.clone())))?);
        if let Some(header) = header {
            response.headers_mut().insert(CORRELATION_ID, header);
        }
        access_log::record(response.request(), &method, response.status(), start.elapsed());
        Ok(response)
    }
    .instrument(span)
    .await
}

/// Returns the answer to a request whose route panicked. Other requests go on.
fn broken(path: &str, correlation_id: Option<HeaderValue>) -> Error {
    tracing::error!(path, "a route panicked");
    metrics::counter!("sta_http_panics_total").increment(1);
    let mut answer = Problem::defect().answer(path);
    if let Some(header) = correlation_id {
        answer.headers_mut().insert(CORRELATION_ID, header);
    }
    InternalError::from_response("a route panicked", answer).into()
}

/// Replaces a refusal by a problem of this request.
fn as_problem<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let Some(problem) = refusal(&response) else { return response.map_into_left_body() };
    let (request, _) = response.into_parts();
    let answer = problem.answer(request.path());
    ServiceResponse::new(request, answer).map_into_right_body()
}

/// Returns the problem of a refused request: that of a route, or one for a refusal of the framework. An answer with a body
/// of its own, such as a readiness report, is no refusal.
fn refusal<B: MessageBody>(response: &ServiceResponse<B>) -> Option<Problem> {
    let status = response.status();
    match response.response().error() {
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) => Some(problem.clone()),
            None => {
                if status.is_server_error() {
                    tracing::error!(%error, "a request met a defect of the program");
                }
                Some(Problem::of(status))
            }
        },
        None if status.is_client_error() || status.is_server_error() => {
            let is_empty = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
            is_empty.then(|| Problem::of(status))
        }
        None => None,
    }
}
