//! Query strings.

use super::{
    parse_errors::{field_violation, rule_error},
    problem::Problem,
    texts,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::{DeserializeOwned, value::Error};
use std::future::{Ready, ready};
use url::form_urlencoded;

/// The parameters after the `?`. Parameters that `T` does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryString<T>(T);

impl<T> QueryString<T> {
    /// Returns the parameters.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned> FromRequest for QueryString<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

pub(super) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let refused = |path: &str, message: &str| Problem::unreadable("parametro-invalido", field_violation(path, message));
    let parameters = || form_urlencoded::parse(query.as_bytes());
    // The decoder replaces bytes that are not UTF-8.
    if let Some((name, _)) = parameters().find(|(_, value)| value.contains(char::REPLACEMENT_CHARACTER)) {
        return Err(refused(&name, &rule_error::<Error>("texto-valido", texts::NOT_UTF_8).to_string()));
    }
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(parameters()))
        .map_err(|error| refused(&error.path().to_string(), &error.inner().to_string()))
}
