//! The answer to a command.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::header};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, RefOr,
        response::{Response, ResponseBuilder},
    },
};
use uuid::Uuid;

/// `202`: the command is done, durably; what else follows from it comes later. It says where the thing can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    id: Uuid,
    location: String,
}

/// What a client reads of a command that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedBody {
    /// The id of the thing that the command was about.
    id: Uuid,
}

impl Accepted {
    /// The thing with this id, which can be read at `folder` and its id.
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
        let location = HeaderBuilder::new().description(Some("Where the thing can be read.")).build();
        let body = ContentBuilder::new().schema(Some(AcceptedBody::schema())).build();
        let response = ResponseBuilder::new()
            .description("The command is done, durably.")
            .header("Location", location)
            .content("application/json", body)
            .build();
        BTreeMap::from([("202".to_owned(), response.into())])
    }
}
