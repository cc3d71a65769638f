//! Conditional reads: `ETag` and `If-None-Match`.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::header::{ETag, EntityTag, IfNoneMatch},
};
use serde::Serialize;

/// An answer with a version: `304` if the client has that version already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    version: u32,
    body: T,
}

impl<T> Versioned<T> {
    /// Answers with the body of this version.
    pub fn new(version: u32, body: T) -> Self {
        Self { version, body }
    }
}

impl<T: Serialize> Responder for Versioned<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let tag = EntityTag::new_strong(self.version.to_string());
        let known = match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            None => false,
        };
        match known {
            true => HttpResponse::NotModified().insert_header(ETag(tag)).finish(),
            false => HttpResponse::Ok().insert_header(ETag(tag)).json(self.body),
        }
    }
}
