//! Lists in pages: the parameters and the answer.

use super::{cursor, parse_errors::rule_error, schemas::PageBody, texts};
use crate::application::{Page, PageCursor, PageRequest};
use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

/// The most items of a page.
pub(super) const MOST: u32 = 200;

/// The parameters of a list: `?limite=` and `&cursor=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Paging {
    #[serde(default = "usual", deserialize_with = "limit")]
    limite: u32,
    #[serde(default, deserialize_with = "cursor::deserialize")]
    cursor: Option<PageCursor>,
}

fn usual() -> u32 {
    50
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| rule_error("limite-valido", texts::invalid_limit(MOST)))
}

impl From<Paging> for PageRequest {
    fn from(paging: Paging) -> Self {
        Self { limit: paging.limite, after: paging.cursor }
    }
}

impl IntoParams for Paging {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST));
        let number = number.default(Some(usual().into()));
        let parameter = |name, description, schema: ObjectBuilder| {
            let query = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
            query.description(Some(description)).schema(Some(schema.build())).build()
        };
        let text = ObjectBuilder::new().schema_type(Type::String);
        vec![parameter("limite", texts::LIMIT, number), parameter("cursor", texts::CURSOR, text)]
    }
}

/// An answer with one page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageResponse<T>(Page<T>);

impl<T> From<Page<T>> for PageResponse<T> {
    fn from(page: Page<T>) -> Self {
        Self(page)
    }
}

impl<T: Serialize> Responder for PageResponse<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Page { items, next } = self.0;
        HttpResponse::Ok().json(PageBody { items, siguiente: next.as_ref().map(cursor::encode) })
    }
}
