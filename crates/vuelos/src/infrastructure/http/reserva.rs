//! The routes of `/vuelos`: commands and queries. `POST /vuelos/reserva` and both routes by id are those of the original,
//! whose clients still use them. `/spec` publishes the docs of operations, so these are Spanish.

use super::bodies::{CambioBody, CambioConMotivoBody, CrearBody, Filtros};
use crate::{
    application::{
        Handlers, commands,
        queries::{ReservaPorId, ReservaView, ReservasNoPagadas, TodasLasReservas},
    },
    domain::reserva::{Estado, ReservaId},
    infrastructure::queries::PgReads,
};
use actix_web::{HttpResponse, get, http::header::LOCATION, post};
use seedwork::infrastructure::http::{
    self, Accepted, Json, PageBody, PageResponse, Paging, Path, Problem, QueryString, Versioned,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

type Bus = http::Bus<Handlers>;
type Queries = http::Queries<PgReads>;

/// Where a reserva is read.
const RESERVA: &str = "/vuelos/reserva";

/// Every route of this context.
pub(in crate::infrastructure) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(reservar)
        .service(crear)
        .service(aprobar)
        .service(pagar)
        .service(cancelar)
        .service(por_id)
        .service(por_id_query)
        .service(todas)
        .service(canceladas)
        .service(no_pagadas);
}

fn accepted(id: ReservaId) -> Accepted {
    Accepted::new(RESERVA, id)
}

/// Crea una reserva y responde con ella.
///
/// Reserva vuelos para un cliente, o para nadie en particular. La reserva queda en estado `Pendiente`. Es la forma síncrona
/// de `POST /vuelos/reserva-comando`.
#[utoipa::path(
    tag = "vuelos",
    responses((
        status = 201,
        description = "La reserva, que ya es durable.",
        body = ReservaView,
        headers(("Location")),
    )),
)]
#[post("/vuelos/reserva")]
async fn reservar(bus: Bus, body: Json<CrearBody>) -> Result<HttpResponse, Problem> {
    let reserva = bus.dispatch(commands::CrearReserva::try_from(body.into_inner())?).await?;
    let location = (LOCATION, format!("{RESERVA}/{}", reserva.id));
    Ok(HttpResponse::Created().insert_header(location).json(reserva))
}

/// Crea una reserva.
///
/// Reserva vuelos para un cliente, o para nadie en particular. La reserva queda en estado `Pendiente`.
#[utoipa::path(tag = "vuelos", responses(Accepted))]
#[post("/vuelos/reserva-comando")]
async fn crear(bus: Bus, body: Json<CrearBody>) -> Result<Accepted, Problem> {
    let reserva = bus.dispatch(commands::CrearReserva::try_from(body.into_inner())?).await?;
    Ok(accepted(reserva.id.into()))
}

/// Aprueba una reserva.
///
/// Pasa a `Aprobada` una reserva `Pendiente`.
#[utoipa::path(tag = "vuelos", responses(Accepted))]
#[post("/vuelos/aprobar-reserva-comando")]
async fn aprobar(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_reserva.into();
    bus.dispatch(commands::AprobarReserva { id }).await?;
    Ok(accepted(id))
}

/// Paga una reserva.
///
/// Pasa a `Pagada` una reserva `Aprobada`.
#[utoipa::path(tag = "vuelos", responses(Accepted))]
#[post("/vuelos/pagar-reserva-comando")]
async fn pagar(bus: Bus, body: Json<CambioBody>) -> Result<Accepted, Problem> {
    let id = body.into_inner().id_reserva.into();
    bus.dispatch(commands::PagarReserva { id }).await?;
    Ok(accepted(id))
}

/// Cancela una reserva.
///
/// Pasa a `Cancelada` una reserva `Pendiente` o `Aprobada` y guarda el motivo.
#[utoipa::path(tag = "vuelos", responses(Accepted))]
#[post("/vuelos/cancelar-reserva-comando")]
async fn cancelar(bus: Bus, body: Json<CambioConMotivoBody>) -> Result<Accepted, Problem> {
    let CambioConMotivoBody { id_reserva, motivo } = body.into_inner();
    let command = commands::CancelarReserva::parse(id_reserva.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_reserva.into()))
}

/// Consulta una reserva.
///
/// Responde con la reserva que tiene el id. Con `If-None-Match`, solo si ha cambiado.
#[utoipa::path(
    tag = "vuelos",
    responses((status = 200, description = "La reserva.", body = ReservaView, headers(("ETag")))),
)]
#[get("/vuelos/reserva/{id}")]
async fn por_id(queries: Queries, id: Path<Uuid>) -> Result<Versioned<ReservaView>, Problem> {
    una(queries, id).await
}

/// Consulta una reserva (otra ruta).
///
/// Responde lo mismo que `GET /vuelos/reserva/{id}`.
#[utoipa::path(
    tag = "vuelos",
    responses((status = 200, description = "La reserva.", body = ReservaView, headers(("ETag")))),
)]
#[get("/vuelos/reserva-query/{id}")]
async fn por_id_query(queries: Queries, id: Path<Uuid>) -> Result<Versioned<ReservaView>, Problem> {
    una(queries, id).await
}

async fn una(queries: Queries, id: Path<Uuid>) -> Result<Versioned<ReservaView>, Problem> {
    let reserva = queries.ask(ReservaPorId { id: id.into_inner().into() }).await?;
    Ok(Versioned::new(reserva.version, reserva))
}

/// Lista las reservas.
///
/// De la más reciente a la más antigua, por páginas.
#[utoipa::path(
    tag = "vuelos",
    params(Filtros, Paging),
    responses((status = 200, description = "Una página de reservas.", body = PageBody<ReservaView>)),
)]
#[get("/vuelos/reservas")]
async fn todas(
    queries: Queries,
    filtros: QueryString<Filtros>,
    page: QueryString<Paging>,
) -> Result<PageResponse<ReservaView>, Problem> {
    Ok(queries.ask(filtros.into_inner().query(page.into_inner())).await?.into())
}

/// Lista las reservas canceladas.
///
/// De la más reciente a la más antigua, por páginas.
#[utoipa::path(
    tag = "vuelos",
    params(Paging),
    responses((status = 200, description = "Una página de reservas.", body = PageBody<ReservaView>)),
)]
#[get("/vuelos/reservas/canceladas")]
async fn canceladas(queries: Queries, page: QueryString<Paging>) -> Result<PageResponse<ReservaView>, Problem> {
    let page = page.into_inner().into();
    Ok(queries.ask(TodasLasReservas { estado: Some(Estado::Cancelada), cliente: None, page }).await?.into())
}

/// Lista las reservas no pagadas.
///
/// Las que están `Pendiente` o `Aprobada`, de la más reciente a la más antigua, por páginas.
#[utoipa::path(
    tag = "vuelos",
    params(Paging),
    responses((status = 200, description = "Una página de reservas.", body = PageBody<ReservaView>)),
)]
#[get("/vuelos/reservas/no-pagadas")]
async fn no_pagadas(queries: Queries, page: QueryString<Paging>) -> Result<PageResponse<ReservaView>, Problem> {
    Ok(queries.ask(ReservasNoPagadas { page: page.into_inner().into() }).await?.into())
}
