//! The parts of the OpenAPI document that are the same for every route, so that no route repeats them: its problems, the
//! descriptions of standard headers, a unique id, and examples.

use super::{
    body,
    examples::Examples,
    limits::Limits,
    page,
    problem::Problem,
    schemas::{FieldViolation, ProblemBody},
    texts,
};
use crate::application::StorageError;
use actix_web::http::StatusCode;
use icu_normalizer::DecomposingNormalizerBorrowed;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, OpenApi, PathItem, Ref, RefOr,
        path::{Operation, ParameterIn},
        response::{Response, ResponseBuilder},
    },
};

/// Completes a document with what its routes have in common.
pub fn document(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let examples = Examples::of(components);
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            identify(operation);
            add_problems(path, operation);
            describe_headers(operation);
            examples.add_to(operation);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    all.into_iter().flatten()
}

/// Puts the tag in front of an operation's id: two contexts may have routes of one name. An id becomes a name in the code
/// of clients, so it has no accents.
fn identify(operation: &mut Operation) {
    if let (Some(id), Some([tag, ..])) = (&mut operation.operation_id, operation.tags.as_deref()) {
        let tag = DecomposingNormalizerBorrowed::new_nfd().normalize(tag).into_owned();
        *id = format!("{}_{id}", tag.replace(|letter: char| !letter.is_ascii(), ""));
    }
}

/// Adds the problems that an operation can answer with, by its inputs.
fn add_problems(path: &str, operation: &mut Operation) {
    let takes = |place: ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters.into_iter().any(|one| matches!(one, RefOr::T(parameter) if parameter.parameter_in == place))
    };
    let (has_body, has_path, has_query) =
        (operation.request_body.is_some(), takes(ParameterIn::Path), takes(ParameterIn::Query));
    let unreadable = match (has_body, has_path) {
        (true, _) => body::unreadable(texts::EMPTY_BODY),
        (_, true) => parameter("id", "uuid-valido", texts::MALFORMED_UUID),
        _ => parameter("limite", "limite-valido", texts::invalid_limit(page::MOST)),
    };
    let race = texts::storage_error(&StorageError::ConcurrencyConflict);
    let problems = [
        (Some(unreadable), StatusCode::BAD_REQUEST, has_body || has_path || has_query),
        (Some(Problem::not_found(texts::NOT_FOUND)), StatusCode::NOT_FOUND, has_body || has_path),
        (Some(Problem::new(StatusCode::CONFLICT, "conflicto-de-version", race)), StatusCode::CONFLICT, has_body),
        (Some(body::too_large(Limits::default().body)), StatusCode::PAYLOAD_TOO_LARGE, has_body),
        (Some(body::not_json()), StatusCode::UNSUPPORTED_MEDIA_TYPE, has_body),
        // The example of the schema is a broken rule.
        (None, StatusCode::UNPROCESSABLE_ENTITY, has_body || has_query),
        (Some(Problem::unavailable()), StatusCode::SERVICE_UNAVAILABLE, has_body || has_path || has_query),
    ];
    for (example, status, _) in problems.into_iter().filter(|(.., is_possible)| *is_possible) {
        let example = example.and_then(|problem| serde_json::to_value(problem.body(path)).ok());
        let response = || {
            let schema = Ref::from_schema_name(ProblemBody::name());
            let body = ContentBuilder::new().schema(Some(schema)).example(example).build();
            let response = ResponseBuilder::new().description(texts::problem(status));
            response.content("application/problem+json", body).build().into()
        };
        operation.responses.responses.entry(status.as_str().to_owned()).or_insert_with(response);
    }
}

fn parameter(name: &str, rule: &'static str, detail: impl Into<String>) -> Problem {
    let violation = FieldViolation { campo: name.to_owned(), regla: rule.into(), detalle: detail.into() };
    Problem::unreadable("parametro-invalido", violation)
}

/// Describes the headers of answers. An answer with an `ETag` has a sibling: 304.
fn describe_headers(operation: &mut Operation) {
    let mut has_etag = false;
    let responses = &mut operation.responses.responses;
    for response in responses.values_mut() {
        let RefOr::T(Response { headers, .. }) = response else { continue };
        has_etag |= headers.contains_key("ETag");
        for (name, text) in [("ETag", texts::ETAG), ("Location", texts::LOCATION)] {
            if let Some(RefOr::T(header)) = headers.get_mut(name) {
                header.description.get_or_insert_with(|| text.to_owned());
            }
        }
    }
    if has_etag {
        let not_modified = || ResponseBuilder::new().description(texts::NOT_MODIFIED).build().into();
        responses.entry("304".to_owned()).or_insert_with(not_modified);
    }
}
