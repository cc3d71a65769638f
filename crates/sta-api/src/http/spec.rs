//! The OpenAPI document, made from the routes.

use actix_web::{App, HttpResponse, get, web::Data};
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "SaludTech de los Alpes",
    description = "Toma imagenes medicas de pacientes. Un comando se responde 202 cuando es durable.",
    // Without an identifier: of an expression, a reader of the document makes a link that leads nowhere.
    license(name = "MIT OR Apache-2.0")
))]
struct Head;

/// The document of these routes.
pub(super) fn document(routes: impl FnOnce(&mut ServiceConfig<'_>)) -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().openapi(Head::openapi()).configure(routes).split_for_parts();
    seedwork::infrastructure::http::document(&mut document);
    document
}

/// The document as it is sent.
pub(super) struct Spec(String);

impl Spec {
    /// Of a document.
    ///
    /// # Errors
    ///
    /// Never in practice: the document is plain data.
    pub(super) fn of(document: &OpenApi) -> anyhow::Result<Self> {
        Ok(Self(document.to_json()?))
    }
}

/// The OpenAPI document.
#[utoipa::path(tag = "operacion", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
#[get("/spec")]
pub(super) async fn describe(spec: Data<Spec>) -> HttpResponse {
    answer(spec).await
}

/// The same, for the other paths that it is found under.
pub(super) async fn answer(spec: Data<Spec>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(spec.0.clone())
}
