//! JSON bodies. An error names the path of the field at fault.

use super::{body, objects_only::ObjectsOnly, parse_errors::field_violation, problem::Problem, texts};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, body::BoxBody, dev::Payload};
use futures_util::{FutureExt, future::LocalBoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

/// A JSON body. In a request it is an object; members that `T` does not have are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(T);

impl<T> From<T> for Json<T> {
    fn from(body: T) -> Self {
        Self(body)
    }
}

impl<T: Serialize> Responder for Json<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self.0)
    }
}

/// The body of a request: any type that serde reads.
///
/// A body of several shapes, which one member distinguishes, implements the trait itself. It reads that member first, then
/// the shape. So an error has the path of its field, and members of other shapes are ignored.
///
/// ```
/// # use seedwork::infrastructure::http::{Body, Problem};
/// # use serde::Deserialize;
/// enum RegistrarBody { Natural(NaturalBody), Empresa(EmpresaBody) }
/// #[derive(Deserialize)]
/// struct TipoBody { tipo: Tipo }
/// # #[derive(Deserialize)] enum Tipo { Natural, Empresa }
/// # #[derive(Deserialize)] struct NaturalBody {}
/// # #[derive(Deserialize)] struct EmpresaBody {}
///
/// impl Body for RegistrarBody {
///     fn read(json: &[u8]) -> Result<Self, Problem> {
///         match TipoBody::read(json)?.tipo {
///             Tipo::Natural => NaturalBody::read(json).map(Self::Natural),
///             Tipo::Empresa => EmpresaBody::read(json).map(Self::Empresa),
///         }
///     }
/// }
/// ```
pub trait Body: Sized {
    /// Reads a JSON object.
    ///
    /// # Errors
    ///
    /// It is not JSON, or not of this shape.
    fn read(json: &[u8]) -> Result<Self, Problem>;
}

impl<T: DeserializeOwned> Body for T {
    fn read(json: &[u8]) -> Result<Self, Problem> {
        parse(json)
    }
}

impl<T> Json<T> {
    /// Returns the body.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: Body + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move { T::read(&body::read(&request, payload).await?).map(Self) }.boxed_local()
    }
}

/// Reads a JSON object.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| body::unreadable(texts::NOT_UTF_8_BODY))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(ObjectsOnly(&mut json)).map_err(|error| {
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
            // The path locates the error better than the position in the text.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            Problem::unreadable("cuerpo-invalido", field_violation(path, message))
        }
        Category::Syntax | Category::Eof | Category::Io => {
            body::unreadable(texts::malformed_json(error.line(), error.column()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use uuid::Uuid;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Trip {
        id: Uuid,
        name: String,
        legs: Vec<Leg>,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Leg {
        class: Class,
        minutes: u32,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    enum Class {
        Economy,
        First,
    }

    fn trip() -> Value {
        json!({
            "id": "0198c0de-0000-7000-8000-000000000001",
            "name": "outward",
            "legs": [{"class": "Economy", "minutes": 1}, {"class": "First", "minutes": 2}],
        })
    }

    fn read(text: &str) -> Result<Trip, Problem> {
        parse(text.as_bytes())
    }

    /// Returns the field, the rule and the text of a problem.
    fn violation(problem: &Problem) -> [String; 3] {
        let bytes = actix_web::body::to_bytes(problem.answer("/trips").into_body()).now_or_never();
        let body: Value = serde_json::from_slice(&bytes.unwrap().unwrap()).unwrap();
        assert_eq!((&body["type"], &body["status"]), (&json!("/problemas/cuerpo-invalido"), &json!(400)), "{body}");
        assert_eq!(body["detail"], body["error"]);
        ["campo", "regla", "detalle"].map(|member| body["violations"][0][member].as_str().unwrap().to_owned())
    }

    #[track_caller]
    fn refused(text: &str, field: &str, rule: &str) {
        let problem = read(text).unwrap_err();
        let [told_field, told_rule, detail] = violation(&problem);
        assert_eq!((told_field.as_str(), told_rule.as_str()), (field, rule), "{text}: {detail}");
        assert!(!detail.contains("struct") && !detail.contains("Leg") && !detail.contains("u32"), "{detail}");
    }

    /// Returns a trip with another value at a JSON pointer.
    fn with(pointer: &str, value: Value) -> String {
        let mut trip = trip();
        *trip.pointer_mut(pointer).unwrap() = value;
        trip.to_string()
    }

    fn without(parent: &str, member: &str) -> String {
        let mut trip = trip();
        trip.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(member);
        trip.to_string()
    }

    #[test]
    fn unknown_members_of_an_object_are_ignored() {
        let mut more = trip();
        more["other"] = json!({"a": [1, {"b": null}]});
        more["note"] = json!(null);
        assert_eq!(read(&more.to_string()).unwrap(), read(&trip().to_string()).unwrap());
        assert_eq!(read(&trip().to_string()).unwrap().legs[1], Leg { class: Class::First, minutes: 2 });
    }

    #[test]
    fn a_wrong_type_names_the_path_of_the_field() {
        refused(&with("/name", json!(7)), "name", "tipo-correcto");
        refused(&with("/name", json!(null)), "name", "tipo-correcto");
        refused(&with("/legs", json!({})), "legs", "tipo-correcto");
        refused(&with("/legs/1/minutes", json!("2")), "legs[1].minutes", "tipo-correcto");
        refused(&with("/legs/1/minutes", json!(-1)), "legs[1].minutes", "valor-valido");
        refused(&with("/legs/0", json!("x")), "legs[0]", "tipo-correcto");
        for text in ["7", "null", "\"x\"", "true", "[]"] {
            refused(text, "", "tipo-correcto");
        }
    }

    #[test]
    fn an_array_of_the_members_is_no_object() {
        refused(r#"["0198c0de-0000-7000-8000-000000000001", "outward", [], null]"#, "", "tipo-correcto");
        refused(&with("/legs/1", json!(["First", 2])), "legs[1]", "tipo-correcto");
    }

    #[test]
    fn a_missing_or_repeated_member_is_named_with_its_path() {
        refused(&without("", "name"), "name", "campo-obligatorio");
        refused(&without("/legs/1", "class"), "legs[1].class", "campo-obligatorio");
        let repeated = trip().to_string().replacen('{', r#"{"name":"return","#, 1);
        refused(&repeated, "name", "campo-unico");
    }

    #[test]
    fn a_malformed_uuid_and_an_unknown_value_have_rules() {
        refused(&with("/id", json!("no")), "id", "uuid-valido");
        refused(&with("/id", json!(1)), "id", "tipo-correcto");
        refused(&with("/legs/1/class", json!("Tourist")), "legs[1].class", "valor-conocido");
        let problem = read(&with("/legs/1/class", json!("Tourist"))).unwrap_err();
        assert_eq!(violation(&problem)[2], "El valor no se reconoce: debe ser uno de estos: Economy, First");
    }

    #[test]
    fn a_body_that_is_not_json_is_refused() {
        for text in ["{", "{\"id\"}", "{}{}", "{'id': 1}", "x", "{\"id\": \"a", "\u{feff}{}", "// x\n{}", "NaN"] {
            let problem = read(text).unwrap_err();
            let [field, ..] = violation(&problem);
            assert!(field.is_empty() || field == "id", "{text}: {field}");
        }
        let problem = parse::<Trip>(b"{\"other\": \"\xff\"}").unwrap_err();
        assert_eq!(violation(&problem)[2], "El cuerpo no es UTF-8");
    }

    #[test]
    fn deep_nesting_is_refused_or_ignored_and_overflows_nothing() {
        let deep = "[".repeat(400_000) + &"]".repeat(400_000);
        refused(&deep, "", "tipo-correcto");
        let ignored = trip().to_string().replacen('{', &format!(r#"{{"other":{deep},"#), 1);
        assert_eq!(read(&ignored).unwrap(), read(&trip().to_string()).unwrap());
        let problem = parse::<Value>(deep.as_bytes()).unwrap_err();
        assert_eq!(violation(&problem)[1], "json-valido");
    }
}
