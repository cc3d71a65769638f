//! What the OpenAPI document says of clientes and expedientes. The application layer knows no OpenAPI, so it is said here;
//! a test holds the two together.

use super::bodies::{DocumentoBody, NombreBody};
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
    documento: DocumentoBody,
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
        nombre: NombreBody,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::queries::{ClienteView, ExpedienteView, ReservaView},
        domain::{
            cliente::{self, TipoDocumento, examples::*},
            expediente,
        },
        infrastructure::tables::{ClienteRow, ExpedienteRow},
    };
    use serde_json::{Value, to_value};
    use utoipa::PartialSchema;

    fn said<T: PartialSchema>() -> Value {
        to_value(T::schema()).unwrap()
    }

    fn names(value: &Value) -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[track_caller]
    fn has_the_names<T: PartialSchema>(expected: impl IntoIterator<Item = &'static str>) {
        assert_eq!(said::<T>()["enum"], expected.into_iter().map(Value::from).collect::<Value>());
    }

    #[test]
    fn the_document_says_what_clients_read_of_a_cliente() {
        for (n, cliente) in [en(cliente::Estado::Activo), una_empresa()].into_iter().enumerate() {
            let view = ClienteView::try_from(ClienteRow::from(cliente)).unwrap();
            let mut told = names(&said::<IdentidadSchema>()["oneOf"][n]["properties"]);
            told.extend(names(&said::<ClienteSchema>()["allOf"][1]["properties"]));
            told.sort_unstable();
            assert_eq!(told, names(&to_value(view).unwrap()));
        }
    }

    #[test]
    fn the_document_says_what_clients_read_of_an_expediente() {
        let row = ExpedienteRow::from(expediente::examples::en(expediente::Estado::Abierto));
        let view = ExpedienteView::try_from(row).unwrap();
        assert_eq!(names(&said::<ExpedienteSchema>()["properties"]), names(&to_value(view).unwrap()));
        let reserva = ReservaView { id_reserva: ID.into(), estado: "x".into(), ruta: "x".into(), fecha: AHORA };
        assert_eq!(names(&said::<ReservaSchema>()["properties"]), names(&to_value(reserva).unwrap()));
    }

    #[test]
    fn the_document_names_what_the_domain_names() {
        has_the_names::<EstadoSchema>(cliente::Estado::ALL.map(cliente::Estado::as_str));
        has_the_names::<EstadoDeExpedienteSchema>(expediente::Estado::ALL.map(expediente::Estado::as_str));
        has_the_names::<TipoDocumentoSchema>(TipoDocumento::ALL.map(TipoDocumento::as_str));
    }
}
