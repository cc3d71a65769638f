//! The extractors, the answers and the middleware, over a server with routes of every kind.

mod answers;
mod refusals;
mod strangers;

use super::{
    testing::{TestResponse, TestServer},
    *,
};
use crate::{
    application::{Named, Page, PageCursor, PageRequest, StorageError},
    domain::{Timestamp, Violations},
};
use actix_web::{
    HttpResponse,
    dev::Payload,
    error::ErrorImATeapot,
    get,
    http::{
        Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    post,
    test::TestRequest,
    web::{self, Bytes},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001);
const LIMIT: usize = 64;

#[derive(Deserialize, utoipa::ToSchema)]
struct Thing {
    #[schema(example = "mesa")]
    name: String,
}

crate::choice! {
    /// A choice of the domain, for query strings.
    enum Color {
        Red = "red",
    }
    struct InvalidColor: "color-is-red", "The color must be red";
}

type NamedColor = Named<Color>;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(inline)]
    color: Option<NamedColor>,
    number: Option<u8>,
}

/// Crea una cosa.
///
/// Con su name.
#[utoipa::path(tag = "things", responses(Accepted))]
#[post("/things")]
async fn create_thing(body: Json<Thing>) -> Result<Accepted, Problem> {
    let mut found = Violations::collect();
    if body.into_inner().name.is_empty() {
        found.add("name", &InvalidColor);
    }
    found.check(|| Some(()))?;
    Ok(Accepted::new("/things", ID))
}

/// Una cosa.
///
/// Con su versión.
#[utoipa::path(tag = "things", responses((status = 200, description = "La cosa.", body = Uuid, headers(("ETag")))))]
#[get("/things/{id}")]
async fn read_thing(id: Path<Uuid>) -> Result<Versioned<Uuid>, Problem> {
    Ok(Versioned::new(7, id.into_inner()))
}

/// Las things.
///
/// Por páginas.
#[utoipa::path(tag = "things", params(Filter, Paging), responses((status = 200, description = "Una página.", body = PageBody<u32>)))]
#[get("/things")]
async fn list_things(filter: QueryString<Filter>, paging: QueryString<Paging>) -> Result<PageResponse<u32>, Problem> {
    let Filter { color, number } = filter.into_inner();
    assert_eq!(color.is_some(), number.is_some());
    let PageRequest { limit, after } = paging.into_inner().into();
    let next = PageCursor { created: Timestamp::UNIX_EPOCH + Duration::from_micros(1), id: ID };
    assert!(after.is_none_or(|after| after == next));
    Ok(Page { items: vec![limit], next: after.is_none().then_some(next) }.into())
}

/// The answer to a request, by a server that is wired as the binary's.
async fn answer(request: TestRequest) -> (u16, BTreeMap<String, String>, Value) {
    let fails = |error: StorageError| move || std::future::ready(Err::<HttpResponse, Problem>(error.clone().into()));
    let down = async || HttpResponse::ServiceUnavailable().json(json!({"status": "down"}));
    let limits = Limits { body: LIMIT, ..Limits::default() };
    let routes = |config: &mut ServiceConfig<'_>| {
        config
            .service(create_thing)
            .service(read_thing)
            .service(list_things)
            .route("/panic", web::get().to(async || -> HttpResponse { panic!("secret") }))
            .route("/defect", web::get().to(fails(StorageError::Defect("secret".into()))))
            .route("/away", web::get().to(fails(StorageError::Unavailable)))
            .route("/race", web::get().to(fails(StorageError::ConcurrencyConflict)))
            .route("/teapot", web::get().to(async || Err::<HttpResponse, _>(ErrorImATeapot("secret"))))
            .route("/ready", web::get().to(down))
            .route("/bus", web::get().to(async |_: Queries<()>| HttpResponse::Ok()));
    };
    let server = TestServer::serve(limits, &["/metrics"], routes).await;
    let TestResponse { status, headers, body } = server.call(request).await;
    (status, headers, body)
}

fn post(body: impl Into<Bytes>) -> TestRequest {
    TestRequest::post().uri("/things").insert_header((CONTENT_TYPE, "application/json")).set_payload(body)
}

fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

/// Fails unless the request is answered with this problem; answers the problem.
async fn refused(request: TestRequest, status: u16, slug: &str) -> Value {
    let (answered, headers, body) = answer(request).await;
    assert_eq!((answered, &body["type"]), (status, &json!(format!("/problemas/{slug}"))), "{body}");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(headers.contains_key("x-correlation-id"));
    assert_eq!((&body["status"], &body["error"]), (&json!(status), &body["detail"]));
    assert!(body["title"].is_string() && body["instance"].as_str().unwrap().starts_with('/'), "{body}");
    body
}
