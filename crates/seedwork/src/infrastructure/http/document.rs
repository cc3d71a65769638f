//! What is the same for every route in the OpenAPI document, so that no route says it: its refusals, and an id of its
//! own.

use super::problem::ProblemBody;
use utoipa::{
    ToSchema,
    openapi::{
        Components, ContentBuilder, OpenApi, PathItem, Ref, RefOr,
        path::{Operation, ParameterIn},
        response::{Response, ResponseBuilder},
    },
};

/// Adds to a document the problems that each of its routes can answer with, by what it takes. Two contexts can call a
/// route the same; its tag, the context, makes the operation's id one of its own.
pub fn document(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            describe(operation);
            if let (Some(id), Some([context, ..])) = (&mut operation.operation_id, operation.tags.as_deref()) {
                *id = format!("{context}_{id}");
            }
        }
    }
    let mut schemas = vec![(ProblemBody::name().into_owned(), <ProblemBody<'_> as utoipa::PartialSchema>::schema())];
    ProblemBody::schemas(&mut schemas);
    document.components.get_or_insert_with(Components::new).schemas.extend(schemas);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    all.into_iter().flatten()
}

fn describe(operation: &mut Operation) {
    let takes = |place: ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters.into_iter().any(|one| matches!(one, RefOr::T(parameter) if parameter.parameter_in == place))
    };
    let (body, path, query) = (operation.request_body.is_some(), takes(ParameterIn::Path), takes(ParameterIn::Query));
    let problems = [
        ("400", "It cannot be read.", body || path || query),
        ("404", "There is no such thing.", body || path),
        ("409", "Another change came first, or something that must be unique is taken.", body),
        ("413", "The body is too large.", body),
        ("415", "The body is not JSON.", body),
        ("422", "It breaks rules.", body || query),
        ("503", "The service cannot answer now; try again.", body || path || query),
    ];
    for (status, description, _) in problems.into_iter().filter(|(_, _, possible)| *possible) {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(description).into());
    }
}

fn problem(description: &str) -> Response {
    let schema = Ref::from_schema_name(ProblemBody::name());
    let body = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/problem+json", body).build()
}
