//! `/clientes`: the commands, each with its route, and the questions.

use super::bodies::{DesactivarBody, RegistrarBody};
use crate::{
    application::{
        Handlers, commands,
        queries::{
            ClientePorId, ClienteView, ClientesDesactivados, ExpedienteDeCliente, ExpedienteView, TodosLosClientes,
        },
    },
    domain::{ClientesEvent, cliente::ClienteId},
    infrastructure::queries::PgReads,
};
use actix_web::{get, post};
use seedwork::infrastructure::{
    http::{self, Accepted, Json, Listed, ListedBody, Paging, Path, Problem, Query, Versioned},
    postgres::PgUnitOfWorkFactory,
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

type Bus = http::Bus<Handlers, PgUnitOfWorkFactory<ClientesEvent>>;
type Queries = http::Queries<PgReads>;

/// Every route of this context.
pub(in crate::infrastructure) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(registrar)
        .service(desactivar)
        .service(por_id)
        .service(todos)
        .service(desactivados)
        .service(expediente);
}

fn accepted(id: ClienteId) -> Accepted {
    Accepted::new("/clientes/consulta-por-id", id)
}

/// Takes a person or a company on as a cliente.
#[utoipa::path(tag = "clientes", responses(Accepted))]
#[post("/clientes/registrar-cliente-comando")]
async fn registrar(bus: Bus, body: Json<RegistrarBody>) -> Result<Accepted, Problem> {
    let id = bus.dispatch(commands::RegistrarCliente::try_from(body.into_inner())?).await?;
    Ok(accepted(id))
}

/// Lets a cliente go. It stays readable.
#[utoipa::path(tag = "clientes", responses(Accepted))]
#[post("/clientes/desactivar-cliente-comando")]
async fn desactivar(bus: Bus, body: Json<DesactivarBody>) -> Result<Accepted, Problem> {
    let DesactivarBody { id_cliente, motivo } = body.into_inner();
    let command = commands::DesactivarCliente::parse(id_cliente.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_cliente.into()))
}

/// One cliente, also when it has left.
#[utoipa::path(
    tag = "clientes",
    responses(
        (status = 200, description = "The cliente.", body = ClienteView, headers(("ETag", description = "Its version."))),
        (status = 304, description = "It is still at the version that `If-None-Match` names."),
    ),
)]
#[get("/clientes/consulta-por-id/{id}")]
async fn por_id(queries: Queries, id: Path<Uuid>) -> Result<Versioned<ClienteView>, Problem> {
    let cliente = queries.ask(ClientePorId { id: id.into_inner().into() }).await?;
    Ok(Versioned::new(cliente.version, cliente))
}

/// The clientes, newest first; those that have left are among them.
#[utoipa::path(
    tag = "clientes",
    params(Paging),
    responses((status = 200, description = "A page of them.", body = ListedBody<ClienteView>)),
)]
#[get("/clientes/todos")]
async fn todos(queries: Queries, page: Query<Paging>) -> Result<Listed<ClienteView>, Problem> {
    Ok(queries.ask(TodosLosClientes { page: page.into_inner().into() }).await?.into())
}

/// The clientes that have left, newest first.
#[utoipa::path(
    tag = "clientes",
    params(Paging),
    responses((status = 200, description = "A page of them.", body = ListedBody<ClienteView>)),
)]
#[get("/clientes/desactivados")]
async fn desactivados(queries: Queries, page: Query<Paging>) -> Result<Listed<ClienteView>, Problem> {
    Ok(queries.ask(ClientesDesactivados { page: page.into_inner().into() }).await?.into())
}

/// The expediente of a cliente, with its reservas as they were last heard of.
#[utoipa::path(
    tag = "clientes",
    responses((status = 200, description = "The expediente.", body = ExpedienteView)),
)]
#[get("/clientes/{id}/expediente")]
async fn expediente(queries: Queries, id: Path<Uuid>) -> Result<Json<ExpedienteView>, Problem> {
    Ok(queries.ask(ExpedienteDeCliente { cliente: id.into_inner().into() }).await?.into())
}
