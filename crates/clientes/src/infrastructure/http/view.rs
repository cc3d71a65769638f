//! What the OpenAPI document says of clientes and expedientes. The application layer knows no OpenAPI, so it is said here;
//! a test holds the two together.

use chrono::{DateTime, NaiveDate, Utc};
use utoipa::ToSchema;
use uuid::Uuid;

/// A cliente: what it was registered with, and what is known besides.
#[derive(ToSchema)]
#[schema(as = Cliente)]
#[expect(dead_code, reason = "it is only described")]
pub(super) struct ClienteSchema {
    /// Which cliente.
    id: Uuid,
    #[serde(flatten)]
    identidad: IdentidadSchema,
    /// Where it is written to, in small letters.
    email: String,
    /// What follows the `@`.
    dominio: String,
    /// Whether the email seems to be an organization's.
    es_empresarial: bool,
    /// What identifies it by law.
    documento: DocumentoSchema,
    /// Whether it is served.
    estado: EstadoSchema,
    /// When it was registered.
    fecha_creacion: DateTime<Utc>,
    /// How often it has changed.
    version: u32,
}

/// A person or a company.
#[derive(ToSchema)]
#[schema(as = Identidad)]
#[serde(tag = "tipo", rename_all = "lowercase")]
#[expect(dead_code, reason = "it is only described")]
enum IdentidadSchema {
    /// A person.
    Natural {
        /// What it is called.
        nombre: NombreSchema,
        /// When it was born.
        fecha_nacimiento: NaiveDate,
    },
    /// A company.
    Empresa {
        /// The name that it is registered under.
        razon_social: String,
        /// When it was founded.
        fecha_constitucion: NaiveDate,
    },
}

/// What a person is called.
#[derive(ToSchema)]
#[schema(as = NombreDeCliente)]
#[expect(dead_code, reason = "it is only described")]
struct NombreSchema {
    /// The given names.
    nombres: String,
    /// The family names.
    apellidos: String,
}

/// What identifies a cliente by law.
#[derive(ToSchema)]
#[schema(as = DocumentoDeCliente)]
#[expect(dead_code, reason = "it is only described")]
struct DocumentoSchema {
    /// A person has a `cedula`, a company a `rut`.
    tipo: TipoDocumentoSchema,
    /// Its number.
    numero: String,
    /// Where it was issued.
    ciudad: String,
}

/// What kind of document it is.
#[derive(ToSchema)]
#[schema(as = TipoDeDocumento)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum TipoDocumentoSchema {
    Cedula,
    Rut,
}

/// Whether a cliente is served.
#[derive(ToSchema)]
#[schema(as = EstadoDeCliente)]
#[expect(dead_code, reason = "it is only described")]
enum EstadoSchema {
    Activo,
    Desactivado,
}

/// The file on a cliente.
#[derive(ToSchema)]
#[schema(as = Expediente)]
#[expect(dead_code, reason = "it is only described")]
pub(super) struct ExpedienteSchema {
    /// Whose it is.
    id_cliente: Uuid,
    /// Whether the cliente is served.
    estado: EstadoDeExpedienteSchema,
    /// When it was opened.
    fecha_apertura: DateTime<Utc>,
    /// The cliente's reservas as they were last heard of, the first to leave first.
    reservas: Vec<ReservaSchema>,
    /// How often the expediente itself has changed; what happens to reservas does not count.
    version: u32,
}

/// Whether an expediente is open.
#[derive(ToSchema)]
#[schema(as = EstadoDeExpediente)]
#[expect(dead_code, reason = "it is only described")]
enum EstadoDeExpedienteSchema {
    Abierto,
    Cerrado,
}

/// A reserva in an expediente.
#[derive(ToSchema)]
#[schema(as = ReservaDeExpediente)]
#[expect(dead_code, reason = "it is only described")]
struct ReservaSchema {
    /// Which reserva.
    id_reserva: Uuid,
    /// What became of it, in the words of those who keep it.
    #[schema(example = "Pendiente")]
    estado: String,
    /// Where the first odo begins and ends.
    #[schema(example = "BOG-JFK")]
    ruta: String,
    /// When the first leg takes off.
    fecha: DateTime<Utc>,
}
