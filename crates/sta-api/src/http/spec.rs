//! The OpenAPI document, made from the routes. It publishes the docs of operations, so these are Spanish.

use actix_web::{App, HttpResponse, get, web::Data};
use std::collections::BTreeSet;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "SaludTech de los Alpes",
        description = "Recibe imágenes médicas de pacientes, registra clientes y reserva vuelos.\n\n\
            Un comando se responde con 202 cuando es durable: lo aceptado no se pierde. Sus efectos en otros contextos \
            llegan por eventos, poco después.\n\n\
            Un error es un problema de la RFC 9457. Con 400 la petición no se puede leer, y se nombra lo primero que lo \
            impide. Con 422 se lee, pero incumple reglas, y se nombran todas.",
        // Without an identifier: of an expression, a reader of the document makes a link that leads nowhere.
        license(name = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "Este servicio.")),
    // The order of the groups in `/docs`.
    tags(
        (name = "ingesta", description = "Las imágenes médicas que los proveedores entregan, y su procesamiento."),
        (name = "clientes", description = "Los clientes, personas o empresas, y sus expedientes."),
        (name = "vuelos", description = "Las reservas de vuelos."),
        (name = "operación", description = "La salud del servicio, sus métricas y este documento."),
    ),
)]
struct Head;

/// Makes the document of these routes, with the tags that they have.
pub(super) fn document(routes: impl FnOnce(&mut ServiceConfig<'_>)) -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().openapi(Head::openapi()).configure(routes).split_for_parts();
    seedwork::infrastructure::http::document(&mut document);
    let operations = document.paths.paths.values().flat_map(|item| item.get.iter().chain(&item.post));
    let used: BTreeSet<String> = operations.flat_map(|operation| operation.tags.iter().flatten().cloned()).collect();
    document.tags.iter_mut().for_each(|tags| tags.retain(|tag| used.contains(&tag.name)));
    document
}

/// The document as it is sent.
pub(super) struct Spec(String);

impl Spec {
    /// Serializes a document.
    ///
    /// # Errors
    ///
    /// Never in practice: the document is plain data.
    pub(super) fn of(document: &OpenApi) -> anyhow::Result<Self> {
        Ok(Self(document.to_json()?))
    }
}

/// Da este documento.
///
/// En OpenAPI 3.1. `/docs` lo muestra y deja probar las operaciones.
#[utoipa::path(
    tag = "operación",
    responses((
        status = 200,
        description = "El documento.",
        body = Value,
        example = json!({"openapi": "3.1.0", "info": {"title": "SaludTech de los Alpes"}, "paths": {}}),
    )),
)]
#[get("/spec")]
pub(super) async fn describe(spec: Data<Spec>) -> HttpResponse {
    answer(spec).await
}

/// Answers the same on other paths.
pub(super) async fn answer(spec: Data<Spec>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(spec.0.clone())
}
