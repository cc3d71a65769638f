//! JSON bodies. What cannot be read is told with the path of the field that is wrong.

use super::{body, explain::explain, problem::Problem};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::{FutureExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A body of JSON: an object of the members of `T`. Members that `T` does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(T);

impl<T> Json<T> {
    /// What the body says.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move { parse(&body::read(&request, payload).await?).map(Self) }.boxed_local()
    }
}

/// Reads a JSON object.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| body::unreadable("El cuerpo no es UTF-8"))?;
    // A struct can be read from a list of its members too, but nobody promised that.
    if text.trim_ascii_start().starts_with('[') {
        let blamed = explain(".", "invalid type: sequence, expected a map");
        return Err(Problem::unreadable("cuerpo-invalido", blamed));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(&path, error.inner())
    })?;
    json.end().map_err(|error| refused(".", &error))?;
    Ok(value)
}

fn refused(path: &str, error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => {
            let message = error.to_string();
            // Where it is in the text says nothing that the path does not.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            Problem::unreadable("cuerpo-invalido", explain(path, message))
        }
        Category::Syntax | Category::Eof | Category::Io => {
            let (line, column) = (error.line(), error.column());
            body::unreadable(&format!("El cuerpo no es JSON bien formado (linea {line}, columna {column})"))
        }
    }
}
