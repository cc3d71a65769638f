//! A server without a network for the tests of routes. It has the middleware of the real one.

use super::{Limits, Routes, document, examples::NO_EXAMPLE, fallback, middleware};
use crate::infrastructure::{
    module::{ContextEnvironment, Module, RunningContext},
    postgres::{CommitterSettings, Database},
    supervise::Supervisor,
};
use actix_web::{
    App,
    dev::ServiceResponse,
    http::{
        Method,
        header::{HeaderName, HeaderValue},
    },
    middleware::from_fn,
    test::{self, TestRequest},
    web::{self, Data},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, rc::Rc};
use tracing::Level;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

/// Answers requests as the service does.
pub struct TestServer {
    call: Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, TestResponse>>,
    api: OpenApi,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct TestResponse {
    /// The status.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, or null if it is not JSON.
    pub body: Value,
}

impl TestServer {
    /// Serves one context, whose schema is `database`.
    ///
    /// # Errors
    ///
    /// The context does not start.
    pub async fn start(module: &Module, database: Database) -> anyhow::Result<Self> {
        let environment =
            ContextEnvironment { database, committer: CommitterSettings::default(), supervisor: Supervisor::new() };
        let running: RunningContext = module.start(&environment)?;
        Ok(Self::serve(Limits::default(), &[], |config| running.routes(config)).await)
    }

    /// Serves one context whose database does not answer, for tests of requests that are refused before.
    ///
    /// # Panics
    ///
    /// The context does not start: the test fails.
    pub async fn nowhere(module: &Module) -> Self {
        let nowhere = Database::new("postgres://nobody@127.0.0.1:1/nowhere", module.name);
        Self::start(module, nowhere.expect("it is an address")).await.expect("the context starts")
    }

    /// Serves some routes. It also knows `others`, which have `GET` and are not in the document.
    pub async fn serve(limits: Limits, others: &[&str], routes: impl Fn(&mut ServiceConfig<'_>)) -> Self {
        log_errors();
        let (app, mut api) = App::new().into_utoipa_app().configure(routes).split_for_parts();
        document(&mut api);
        let known = others.iter().fold(Routes::of(&api), |known, path| known.with(path, &[Method::GET]));
        let app = app.app_data(limits).app_data(Data::new(known));
        let app = app.default_service(web::to(fallback)).wrap(from_fn(middleware));
        let app = Rc::new(test::init_service(app).await);
        let call = move |request: TestRequest| {
            let app = Rc::clone(&app);
            async move {
                let response = match test::try_call_service(&*app, request.to_request()).await {
                    Ok(response) => response.map_into_boxed_body(),
                    // As the server does with what no route answers.
                    Err(error) => {
                        ServiceResponse::new(TestRequest::default().to_http_request(), error.error_response())
                    }
                };
                let text = |(name, value): (&HeaderName, &HeaderValue)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                };
                let (status, headers) = (response.status().as_u16(), response.headers().iter().map(text).collect());
                let body = serde_json::from_slice(&test::read_body(response).await).unwrap_or_default();
                TestResponse { status, headers, body }
            }
            .boxed_local()
        };
        Self { call: Box::new(call), api }
    }

    /// Returns the OpenAPI document of the routes.
    ///
    /// # Panics
    ///
    /// The document is [incomplete](undescribed).
    pub fn document(&self) -> Value {
        let document = serde_json::to_value(&self.api).expect("it is JSON");
        assert_eq!(undescribed(&document), [""; 0]);
        document
    }

    /// Sends every example of a request that the document has to a server without a database.
    ///
    /// # Panics
    ///
    /// An example is refused for another reason than the missing database.
    pub async fn check_examples(&self) {
        let document = self.document();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let content = &item["post"]["requestBody"]["content"]["application/json"];
            let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
            for example in content.get("example").into_iter().chain(named) {
                let answer = self.post(path, example).await;
                assert_eq!(answer.slug(), "no-disponible", "POST {path} of {example}: {answer:?}");
            }
        }
    }

    /// Answers a request.
    pub async fn call(&self, request: TestRequest) -> TestResponse {
        (self.call)(request).await
    }

    /// Answers `GET`.
    pub async fn get(&self, uri: &str) -> TestResponse {
        self.call(TestRequest::get().uri(uri)).await
    }

    /// Returns the ids of a list, over all of its pages; `uri` has a `?`.
    ///
    /// # Panics
    ///
    /// It is not a list: the test fails.
    pub async fn list(&self, uri: &str) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = self.get(&format!("{uri}{cursor}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let items = answer.body["items"].as_array().expect("items");
            ids.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
            match answer.body["siguiente"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }

    /// Answers `POST` of a JSON body.
    pub async fn post(&self, uri: &str, body: impl Serialize) -> TestResponse {
        self.call(TestRequest::post().uri(uri).set_json(body)).await
    }
}

impl TestResponse {
    /// Returns the slug of the problem, or an empty text if the answer is none.
    pub fn slug(&self) -> &str {
        self.body["type"].as_str().and_then(|name| name.strip_prefix("/problemas/")).unwrap_or_default()
    }

    /// Asserts that the answer is this problem, complete, with these fields and rules.
    ///
    /// # Panics
    ///
    /// It is not.
    #[track_caller]
    pub fn refuses(&self, status: u16, slug: &str, violations: &[(&str, &str)]) {
        assert_eq!((self.status, self.slug(), self.violations()), (status, slug, violations.to_vec()), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert!(self.headers.contains_key("x-correlation-id"), "{self:?}");
        let body = &self.body;
        assert_eq!((&body["status"], &body["error"]), (&status.into(), &body["detail"]));
        let says = |member: &str| body[member].as_str().is_some_and(|text| !text.is_empty());
        assert!(["title", "detail", "instance"].into_iter().all(says), "{self:?}");
    }

    /// Returns the fields at fault, each with the rule that it breaks.
    pub fn violations(&self) -> Vec<(&str, &str)> {
        let violations = self.body["violations"].as_array().map_or(&[][..], Vec::as_slice);
        violations
            .iter()
            .map(|one| (one["campo"].as_str().unwrap_or(""), one["regla"].as_str().unwrap_or("")))
            .collect()
    }
}

/// Returns the gaps of an OpenAPI document: schemas that are named and not described; operations without a summary, a
/// description or a tag; requests and answers without an example.
pub fn undescribed(document: &Value) -> Vec<String> {
    let mut gaps = Vec::new();
    let text = document.to_string();
    for (at, found) in text.match_indices("#/components/schemas/") {
        let name = text[at + found.len()..].split('"').next().unwrap_or_default();
        if !document["components"]["schemas"][name].is_object() {
            gaps.push(format!("the schema {name} is not described"));
        }
    }
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let place = format!("{} {path}", method.to_uppercase());
            let texts = ["/summary", "/description", "/tags/0"].into_iter();
            let missing =
                texts.filter(|text| operation.pointer(text).and_then(Value::as_str).is_none_or(str::is_empty));
            gaps.extend(missing.map(|text| format!("{place} has no {text}")));
            let request = operation.get("requestBody").map(|body| ("its request", body));
            let responses = operation["responses"].as_object().into_iter().flatten();
            for (name, body) in request.into_iter().chain(responses.map(|(status, body)| (status.as_str(), body))) {
                let contents = body["content"].as_object().into_iter().flatten();
                let has_example = |content: &Value| match content.get("example") {
                    Some(example) => !example.to_string().contains(NO_EXAMPLE),
                    None => content["examples"].is_object(),
                };
                if contents.into_iter().any(|(_, content)| !has_example(content)) {
                    gaps.push(format!("{place}: {name} has no example, or one with a text that has none"));
                }
            }
        }
    }
    gaps
}

/// Returns a body with this value at a JSON pointer: `/destino/codigo`. A member that the body does not have is added.
///
/// # Panics
///
/// The body has no such parent or no such item.
#[track_caller]
pub fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer begins with `/`");
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.insert(member.to_owned(), value)),
        Some(Value::Array(items)) => {
            let item = member.parse().ok().and_then(|at: usize| items.get_mut(at));
            *item.unwrap_or_else(|| panic!("the body has no item {pointer}")) = value;
        }
        _ => panic!("the body has neither an object nor a list at {parent:?}"),
    }
    body
}

/// Returns a body without the member at a JSON pointer.
///
/// # Panics
///
/// It has none there.
pub fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer");
    let object = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("the body has such an object");
    object.remove(member).expect("the body has such a member");
    body
}

/// Returns the field at a JSON pointer in the form of problems: `odos[1].segmentos`.
pub fn field(pointer: &str) -> String {
    let mut field = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => field += &format!("[{index}]"),
            Err(_) if field.is_empty() => field += part,
            Err(_) => field += &format!(".{part}"),
        }
    }
    field
}

/// Logs errors to the output of the test, which a failing test shows. A defect is explained only there.
fn log_errors() {
    // Fails from the second call on, and if a test has a subscriber of its own.
    let _ = tracing_subscriber::fmt().with_max_level(Level::ERROR).with_test_writer().try_init();
}
