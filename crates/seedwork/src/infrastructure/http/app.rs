//! How a server is put together: the same for the binary and for the tests of a context.

use super::{
    around::around,
    document::document,
    fallback::{Routes, fallback},
    limits::Limits,
};
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::from_fn,
    web::{self, Data},
};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

/// A server's application with these routes, and the OpenAPI document of all of them: `api` and what they add to it.
///
/// `others` are the paths of what the caller serves besides, with `GET` and outside of the document; a path among them
/// that is asked with another method answers 405. Whatever is added to the application is inside of [`around`].
pub fn app(
    limits: Limits,
    api: OpenApi,
    others: &[&str],
    routes: &dyn Fn(&mut ServiceConfig<'_>),
) -> (
    App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    >,
    OpenApi,
) {
    let (app, mut api) = App::new().into_utoipa_app().openapi(api).configure(routes).split_for_parts();
    document(&mut api);
    let known = others.iter().fold(Routes::of(&api), |known, path| known.with(path, &[Method::GET]));
    let app = app.app_data(limits).app_data(Data::new(known)).default_service(web::to(fallback)).wrap(from_fn(around));
    (app, api)
}
