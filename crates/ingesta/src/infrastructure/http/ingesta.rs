//! The routes of `/ingesta`: commands and queries. `/spec` publishes the docs of operations, so these are Spanish.

use super::bodies::{CambioBody, CambioConMotivoBody, CrearBody, Filtros};
use crate::{
    application::{
        Handlers, commands,
        queries::{IngestaPorId, IngestaView},
    },
    domain::ingesta::IngestaId,
    infrastructure::queries::PgReads,
};
use actix_web::{get, post};
use seedwork::infrastructure::http::{
    self, Accepted, Json, PageBody, PageResponse, Paging, Path, Problem, QueryString, Versioned,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

type Bus = http::Bus<Handlers>;
type Queries = http::Queries<PgReads>;

/// Every route of this context.
pub(in crate::infrastructure) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(crear)
        .service(iniciar_procesamiento)
        .service(alertar)
        .service(rechazar)
        .service(finalizar)
        .service(revertir)
        .service(eliminar)
        .service(por_id)
        .service(todas);
}

fn accepted(id: IngestaId) -> Accepted {
    Accepted::new("/ingesta/consulta-por-id", id)
}

/// Crea una ingesta.
///
/// Registra una imagen médica que un proveedor entrega para un paciente. La ingesta queda en estado `Creada`.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/crear-ingesta-comando")]
async fn crear(bus: Bus, body: Json<CrearBody>) -> Result<Accepted, Problem> {
    let id = bus.dispatch(commands::CrearIngesta::try_from(body.into_inner())?).await?;
    Ok(accepted(id))
}

/// Inicia el procesamiento.
///
/// Pasa a `Pendiente` una ingesta `Creada`, o reanuda una `Alertada`.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/iniciar-procesamiento-ingesta-comando")]
async fn iniciar_procesamiento(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_ingesta.into();
    bus.dispatch(commands::IniciarProcesamiento { id }).await?;
    Ok(accepted(id))
}

/// Alerta una ingesta.
///
/// Pasa a `Alertada` una ingesta `Creada` o `Pendiente` y guarda el motivo.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/alertar-ingesta-comando")]
async fn alertar(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_ingesta, motivo } = body.into_inner();
    let command = commands::AlertarIngesta::parse(id_ingesta.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_ingesta.into()))
}

/// Rechaza una ingesta.
///
/// Pasa a `Rechazada` una ingesta `Creada`, `Pendiente` o `Alertada` y guarda el motivo. Solo puede eliminarse después.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/rechazar-ingesta-comando")]
async fn rechazar(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_ingesta, motivo } = body.into_inner();
    let command = commands::RechazarIngesta::parse(id_ingesta.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_ingesta.into()))
}

/// Finaliza una ingesta.
///
/// Pasa a `Finalizada` una ingesta `Pendiente` o `Alertada`: la imagen está procesada.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/finalizar-ingesta-comando")]
async fn finalizar(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_ingesta.into();
    bus.dispatch(commands::FinalizarIngesta { id }).await?;
    Ok(accepted(id))
}

/// Revierte una ingesta.
///
/// Compensa lo iniciado cuando falla algo de lo que depende: pasa a `Fallida` una ingesta `Creada`, `Pendiente` o
/// `Alertada` y guarda el motivo.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/revertir-ingesta-comando")]
async fn revertir(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_ingesta, motivo } = body.into_inner();
    let command = commands::RevertirIngesta::parse(id_ingesta.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_ingesta.into()))
}

/// Elimina una ingesta.
///
/// Pasa a `Eliminada` una ingesta en cualquier otro estado. Se sigue consultando por su id.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/eliminar-ingesta-comando")]
async fn eliminar(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_ingesta.into();
    bus.dispatch(commands::EliminarIngesta { id }).await?;
    Ok(accepted(id))
}

/// Consulta una ingesta.
///
/// Responde con la ingesta que tiene el id, también si está eliminada. Con `If-None-Match`, solo si ha cambiado.
#[utoipa::path(
    tag = "ingesta",
    responses((status = 200, description = "La ingesta.", body = IngestaView, headers(("ETag")))),
)]
#[get("/ingesta/consulta-por-id/{id}")]
async fn por_id(queries: Queries, id: Path<Uuid>) -> Result<Versioned<IngestaView>, Problem> {
    let ingesta = queries.ask(IngestaPorId { id: id.into_inner().into() }).await?;
    Ok(Versioned::new(ingesta.version, ingesta))
}

/// Lista las ingestas.
///
/// De la más reciente a la más antigua, por páginas. Las eliminadas solo aparecen con `estado=Eliminada`.
#[utoipa::path(
    tag = "ingesta",
    params(Filtros, Paging),
    responses((status = 200, description = "Una página de ingestas.", body = PageBody<IngestaView>)),
)]
#[get("/ingesta/todas")]
async fn todas(
    queries: Queries,
    filtros: QueryString<Filtros>,
    page: QueryString<Paging>,
) -> Result<PageResponse<IngestaView>, Problem> {
    let query = filtros.into_inner().query(page.into_inner())?;
    Ok(queries.ask(query).await?.into())
}
