//! The requests, and the commands that they become. `/spec` publishes the docs of bodies, so these are Spanish.

use crate::{
    application::{
        commands::{self, DocumentoEscrito, EmpresaEscrita, NaturalEscrito, Solicitud},
        queries::{DocumentoView, NombreView, TipoDeDocumento},
    },
    domain::cliente::{ClienteId, Tipo},
};
use chrono::NaiveDate;
use seedwork::{
    application::Named,
    infrastructure::http::{Body, Problem, date},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Una persona o una empresa que se registra, según `tipo`.
#[derive(ToSchema)]
#[schema(as = RegistrarCliente)]
#[serde(tag = "tipo", rename_all = "lowercase")]
pub(super) enum RegistrarBody {
    Natural(NaturalBody),
    Empresa(EmpresaBody),
}

#[derive(Deserialize)]
struct TipoBody {
    tipo: Named<Tipo>,
}

impl Body for RegistrarBody {
    fn read(json: &[u8]) -> Result<Self, Problem> {
        match TipoBody::read(json)?.tipo.0 {
            Tipo::Natural => NaturalBody::read(json).map(Self::Natural),
            Tipo::Empresa => EmpresaBody::read(json).map(Self::Empresa),
        }
    }
}

/// Una persona que se registra.
#[derive(Deserialize, ToSchema)]
#[schema(as = RegistrarNatural)]
pub(super) struct NaturalBody {
    /// El nombre de la persona.
    #[schema(value_type = NombreView)]
    nombre: NombreBody,
    /// El email. No puede ser el de otro cliente.
    #[schema(example = "ana.gil@alpes.example")]
    email: String,
    /// La cédula: de 6 a 10 dígitos. No puede ser la de otro cliente.
    #[schema(value_type = DocumentoView)]
    documento: DocumentoBody,
    /// La fecha de nacimiento: hace 18 años o más.
    #[serde(deserialize_with = "date")]
    #[schema(example = "1990-02-28")]
    fecha_nacimiento: NaiveDate,
}

/// Una empresa que se registra.
#[derive(Deserialize, ToSchema)]
#[schema(as = RegistrarEmpresa)]
pub(super) struct EmpresaBody {
    /// La razón social: de 1 a 100 caracteres visibles.
    #[schema(example = "Clínica de los Alpes S.A.S.")]
    razon_social: String,
    /// El email. No puede ser el de otro cliente.
    #[schema(example = "contacto@alpes.example")]
    email: String,
    /// El RUT: de 6 a 10 dígitos, con o sin `-` y el dígito de verificación. No puede ser el de otro cliente.
    #[schema(value_type = DocumentoView)]
    documento: DocumentoBody,
    /// La fecha de constitución: anterior a hoy.
    #[serde(deserialize_with = "date")]
    #[schema(example = "2001-12-31")]
    fecha_constitucion: NaiveDate,
}

/// Described by [`NombreView`], which has the same members.
#[derive(Deserialize)]
struct NombreBody {
    nombres: String,
    apellidos: String,
}

/// Described by [`DocumentoView`], which has the same members.
#[derive(Deserialize)]
struct DocumentoBody {
    tipo: TipoDeDocumento,
    numero: String,
    ciudad: String,
}

impl From<RegistrarBody> for commands::RegistrarCliente {
    fn from(body: RegistrarBody) -> Self {
        let solicitud = match body {
            RegistrarBody::Natural(NaturalBody { nombre, email, documento, fecha_nacimiento }) => {
                let (NombreBody { nombres, apellidos }, documento) = (nombre, documento.into());
                Solicitud::Natural(NaturalEscrito { nombres, apellidos, email, documento, fecha_nacimiento })
            }
            RegistrarBody::Empresa(EmpresaBody { razon_social, email, documento, fecha_constitucion }) => {
                let documento = documento.into();
                Solicitud::Empresa(EmpresaEscrita { razon_social, email, documento, fecha_constitucion })
            }
        };
        Self { id: ClienteId::new(), solicitud }
    }
}

impl From<DocumentoBody> for DocumentoEscrito {
    fn from(documento: DocumentoBody) -> Self {
        let DocumentoBody { tipo, numero, ciudad } = documento;
        Self { tipo: tipo.0, numero, ciudad }
    }
}

/// Un cliente que se desactiva.
#[derive(Deserialize, ToSchema)]
#[schema(as = DesactivarCliente)]
pub(super) struct DesactivarBody {
    /// El id del cliente.
    pub(super) id_cliente: Uuid,
    /// El motivo: de 1 a 500 caracteres.
    #[schema(example = "se va")]
    pub(super) motivo: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::TipoDocumento;
    use serde_json::{from_value, to_value};

    #[test]
    fn the_parts_of_a_body_have_the_members_of_the_views_that_describe_them() {
        let view = NombreView { nombres: "Ana María".into(), apellidos: "Ñáñez Gil".into() };
        let NombreBody { nombres, apellidos } = from_value(to_value(&view).unwrap()).unwrap();
        assert_eq!(NombreView { nombres, apellidos }, view);
        let tipo = Named(TipoDocumento::Rut);
        let view = DocumentoView { tipo, numero: "900123456-8".into(), ciudad: "Bogotá".into() };
        let DocumentoBody { tipo, numero, ciudad } = from_value(to_value(&view).unwrap()).unwrap();
        assert_eq!(DocumentoView { tipo, numero, ciudad }, view);
    }
}
