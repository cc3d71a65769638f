//! The answer to a command.

use super::{schemas::AcceptedBody, texts};
use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::header};
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, PartialSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, RefOr,
        response::{Response, ResponseBuilder},
    },
};
use uuid::Uuid;

/// The answer `202`: the command is done and durable. `Location` is the route that reads its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    id: Uuid,
    location: String,
}

impl Accepted {
    /// Answers a command on the aggregate with this id, which is read at `folder/id`.
    pub fn new(folder: &str, id: impl Into<Uuid>) -> Self {
        let id = id.into();
        Self { id, location: format!("{folder}/{id}") }
    }
}

impl Responder for Accepted {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Accepted().insert_header((header::LOCATION, self.location)).json(AcceptedBody { id: self.id })
    }
}

impl IntoResponses for Accepted {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let location = HeaderBuilder::new().description(Some(texts::LOCATION)).build();
        let body = ContentBuilder::new().schema(Some(AcceptedBody::schema())).build();
        let response = ResponseBuilder::new()
            .description(texts::ACCEPTED)
            .header("Location", location)
            .content("application/json", body)
            .build();
        BTreeMap::from([("202".to_owned(), response.into())])
    }
}
