//! `/ingesta`: the commands, each with its route, and the two questions.

use super::bodies::{CambioBody, CambioConMotivoBody, CrearBody, Filtros};
use crate::{
    application::{
        Handlers, commands,
        queries::{IngestaPorId, IngestaView},
    },
    domain::ingesta::{IngestaEvent, IngestaId},
    infrastructure::queries::PgReads,
};
use actix_web::{get, post};
use seedwork::infrastructure::{
    http::{self, Accepted, Json, Listed, ListedBody, Paging, Path, Problem, Query, Versioned},
    postgres::PgUnitOfWorkFactory,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

type Bus = http::Bus<Handlers, PgUnitOfWorkFactory<IngestaEvent>>;
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

/// Takes an image in.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/crear-ingesta-comando")]
async fn crear(bus: Bus, body: Json<CrearBody>) -> Result<Accepted, Problem> {
    let id = bus.dispatch(commands::CrearIngesta::try_from(body.into_inner())?).await?;
    Ok(accepted(id))
}

/// Starts the work on an image, or goes on with it after an alert.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/iniciar-procesamiento-ingesta-comando")]
async fn iniciar_procesamiento(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_ingesta.into();
    bus.dispatch(commands::IniciarProcesamiento { id }).await?;
    Ok(accepted(id))
}

/// Raises an alert.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/alertar-ingesta-comando")]
async fn alertar(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_ingesta, motivo } = body.into_inner();
    let command = commands::AlertarIngesta::parse(id_ingesta.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_ingesta.into()))
}

/// Refuses an image.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/rechazar-ingesta-comando")]
async fn rechazar(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_ingesta, motivo } = body.into_inner();
    let command = commands::RechazarIngesta::parse(id_ingesta.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_ingesta.into()))
}

/// Ends the work on an image well.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/finalizar-ingesta-comando")]
async fn finalizar(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_ingesta.into();
    bus.dispatch(commands::FinalizarIngesta { id }).await?;
    Ok(accepted(id))
}

/// Takes back what was begun with an image, because something it needed failed elsewhere.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/revertir-ingesta-comando")]
async fn revertir(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_ingesta, motivo } = body.into_inner();
    let command = commands::RevertirIngesta::parse(id_ingesta.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_ingesta.into()))
}

/// Deletes an ingesta. It stays readable by its id.
#[utoipa::path(tag = "ingesta", responses(Accepted))]
#[post("/ingesta/eliminar-ingesta-comando")]
async fn eliminar(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_ingesta.into();
    bus.dispatch(commands::EliminarIngesta { id }).await?;
    Ok(accepted(id))
}

/// One ingesta, also when it is deleted.
#[utoipa::path(
    tag = "ingesta",
    responses(
        (status = 200, description = "The ingesta.", body = IngestaView, headers(("ETag", description = "Its version."))),
        (status = 304, description = "It is still at the version that `If-None-Match` names."),
    ),
)]
#[get("/ingesta/consulta-por-id/{id}")]
async fn por_id(queries: Queries, id: Path<Uuid>) -> Result<Versioned<IngestaView>, Problem> {
    let ingesta = queries.ask(IngestaPorId { id: id.into_inner().into() }).await?;
    Ok(Versioned::new(ingesta.version, ingesta))
}

/// The ingestas, newest first.
#[utoipa::path(
    tag = "ingesta",
    params(Filtros, Paging),
    responses((status = 200, description = "A page of them.", body = ListedBody<IngestaView>)),
)]
#[get("/ingesta/todas")]
async fn todas(queries: Queries, filtros: Query<Filtros>, page: Query<Paging>) -> Result<Listed<IngestaView>, Problem> {
    let query = filtros.into_inner().query(page.into_inner())?;
    Ok(queries.ask(query).await?.into())
}
