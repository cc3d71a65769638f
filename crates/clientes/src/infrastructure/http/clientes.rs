//! The routes of `/clientes`: commands and queries. `/spec` publishes the docs of operations, so these are Spanish.

use super::bodies::{DesactivarBody, RegistrarBody};
use crate::{
    application::{
        Handlers, commands,
        queries::{
            ClientePorId, ClienteView, ClientesDesactivados, ExpedienteDeCliente, ExpedienteView, TodosLosClientes,
        },
    },
    domain::cliente::ClienteId,
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

/// Registra un cliente.
///
/// Registra una persona (`tipo` es `natural`) o una empresa (`tipo` es `empresa`) y abre su expediente en la misma
/// transacción. El email y el documento no pueden ser los de otro cliente, tampoco de uno desactivado.
#[utoipa::path(
    tag = "clientes",
    request_body(
        content = RegistrarBody,
        examples(
            ("natural" = (summary = "Una persona", value = json!({
                "tipo": "natural",
                "nombre": {"nombres": "Ana María", "apellidos": "Ñáñez Gil"},
                "email": "ana.gil@alpes.example",
                "documento": {"tipo": "cedula", "numero": "1020304050", "ciudad": "Bogotá"},
                "fecha_nacimiento": "1990-02-28",
            }))),
            ("empresa" = (summary = "Una empresa", value = json!({
                "tipo": "empresa",
                "razon_social": "Clínica de los Alpes S.A.S.",
                "email": "contacto@alpes.example",
                "documento": {"tipo": "rut", "numero": "900123456-8", "ciudad": "Bogotá"},
                "fecha_constitucion": "2001-12-31",
            }))),
        ),
    ),
    responses(Accepted),
)]
#[post("/clientes/registrar-cliente-comando")]
async fn registrar(bus: Bus, body: Json<RegistrarBody>) -> Result<Accepted, Problem> {
    let id = bus.dispatch(commands::RegistrarCliente::from(body.into_inner())).await?;
    Ok(accepted(id))
}

/// Desactiva un cliente.
///
/// Pasa a `Desactivado` un cliente `Activo`, guarda el motivo y cierra su expediente en la misma transacción. Sus reservas
/// pendientes se cancelan poco después. Se sigue consultando.
#[utoipa::path(tag = "clientes", responses(Accepted))]
#[post("/clientes/desactivar-cliente-comando")]
async fn desactivar(bus: Bus, body: Json<DesactivarBody>) -> Result<Accepted, Problem> {
    let DesactivarBody { id_cliente, motivo } = body.into_inner();
    let command = commands::DesactivarCliente::parse(id_cliente.into(), &motivo)?;
    bus.dispatch(command).await?;
    Ok(accepted(id_cliente.into()))
}

/// Consulta un cliente.
///
/// Responde con el cliente que tiene el id, también si está desactivado. Con `If-None-Match`, solo si ha cambiado.
#[utoipa::path(
    tag = "clientes",
    responses((status = 200, description = "El cliente.", body = ClienteView, headers(("ETag")))),
)]
#[get("/clientes/consulta-por-id/{id}")]
async fn por_id(queries: Queries, id: Path<Uuid>) -> Result<Versioned<ClienteView>, Problem> {
    let cliente = queries.ask(ClientePorId { id: id.into_inner().into() }).await?;
    Ok(Versioned::new(cliente.version, cliente))
}

/// Lista los clientes.
///
/// Del más reciente al más antiguo, por páginas, también los desactivados.
#[utoipa::path(
    tag = "clientes",
    params(Paging),
    responses((status = 200, description = "Una página de clientes.", body = PageBody<ClienteView>)),
)]
#[get("/clientes/todos")]
async fn todos(queries: Queries, page: QueryString<Paging>) -> Result<PageResponse<ClienteView>, Problem> {
    Ok(queries.ask(TodosLosClientes { page: page.into_inner().into() }).await?.into())
}

/// Lista los clientes desactivados.
///
/// Del más reciente al más antiguo, por páginas.
#[utoipa::path(
    tag = "clientes",
    params(Paging),
    responses((status = 200, description = "Una página de clientes.", body = PageBody<ClienteView>)),
)]
#[get("/clientes/desactivados")]
async fn desactivados(queries: Queries, page: QueryString<Paging>) -> Result<PageResponse<ClienteView>, Problem> {
    Ok(queries.ask(ClientesDesactivados { page: page.into_inner().into() }).await?.into())
}

/// Consulta el expediente de un cliente.
///
/// Responde con el expediente y las reservas del cliente. Las reservas llegan de `vuelos` por eventos, así que un cambio
/// tarda un momento en verse.
#[utoipa::path(
    tag = "clientes",
    responses((status = 200, description = "El expediente.", body = ExpedienteView)),
)]
#[get("/clientes/{id}/expediente")]
async fn expediente(queries: Queries, id: Path<Uuid>) -> Result<Json<ExpedienteView>, Problem> {
    Ok(queries.ask(ExpedienteDeCliente { cliente: id.into_inner().into() }).await?.into())
}
