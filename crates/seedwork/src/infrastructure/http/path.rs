//! Parameters in the path of a route.

use super::{parse_errors::field_violation, problem::Problem};
use actix_web::{FromRequest, HttpRequest, dev::Payload, error::PathError, web};
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};

/// The parameters of a route's path: `/…/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<T>(T);

impl<T> Path<T> {
    /// Returns the parameters.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = web::Path::<T>::extract(request).into_inner();
        ready(parsed.map(|path| Self(path.into_inner())).map_err(|error| refused(request, &error)))
    }
}

fn refused(request: &HttpRequest, error: &actix_web::Error) -> Problem {
    let names: Vec<&str> = request.match_info().iter().map(|(name, _)| name).collect();
    let message = match error.as_error::<PathError>() {
        Some(PathError::Deserialize(error)) => error.to_string(),
        _ => error.to_string(),
    };
    Problem::unreadable("parametro-invalido", field_violation(&names.join(", "), &message))
}
