//! One cliente by its id, active or not.

use crate::{
    application::ClientesFault,
    domain::cliente::{ClienteId, Estado, TipoDocumento},
};
use chrono::{DateTime, NaiveDate, Utc};
use seedwork::application::{Named, Query};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the cliente with this id; [`ClientesFault::NoExiste`] if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientePorId {
    pub id: ClienteId,
}

impl Query for ClientePorId {
    const NAME: &'static str = "cliente-por-id";
    type Output = ClienteView;
    type Error = ClientesFault;
}

/// Un cliente: los datos de su registro y lo que se sabe además.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Cliente))]
pub struct ClienteView {
    /// El identificador del cliente.
    pub id: Uuid,
    #[serde(flatten)]
    pub identidad: IdentidadView,
    /// El correo del cliente, en minúsculas.
    #[cfg_attr(feature = "infrastructure", schema(example = "ana.gil@alpes.example"))]
    pub email: String,
    /// La parte del correo que sigue a `@`.
    #[cfg_attr(feature = "infrastructure", schema(example = "alpes.example"))]
    pub dominio: String,
    /// Si el correo parece ser de una organización.
    pub es_empresarial: bool,
    /// El documento que identifica al cliente ante la ley.
    pub documento: DocumentoView,
    /// El estado del cliente.
    pub estado: EstadoDeCliente,
    /// El momento del registro.
    pub fecha_creacion: DateTime<Utc>,
    /// La versión del cliente: aumenta en uno con cada cambio.
    pub version: u32,
}

pub type EstadoDeCliente = Named<Estado>;

/// Una persona o una empresa.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "tipo", rename_all = "lowercase")]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Identidad))]
pub enum IdentidadView {
    /// Una persona.
    Natural {
        /// El nombre de la persona.
        nombre: NombreView,
        /// La fecha de nacimiento.
        fecha_nacimiento: NaiveDate,
    },
    /// Una empresa.
    Empresa {
        /// El nombre con que está registrada.
        #[cfg_attr(feature = "infrastructure", schema(example = "Clínica de los Alpes S.A.S."))]
        razon_social: String,
        /// La fecha de constitución.
        fecha_constitucion: NaiveDate,
    },
}

/// El nombre de una persona.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = NombreDeCliente))]
pub struct NombreView {
    /// Los nombres: de 1 a 100 caracteres visibles.
    #[cfg_attr(feature = "infrastructure", schema(example = "Ana María"))]
    pub nombres: String,
    /// Los apellidos: de 1 a 100 caracteres visibles.
    #[cfg_attr(feature = "infrastructure", schema(example = "Ñáñez Gil"))]
    pub apellidos: String,
}

/// El documento que identifica a un cliente ante la ley.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = DocumentoDeCliente))]
pub struct DocumentoView {
    /// El tipo de documento: `cedula` de una persona, `rut` de una empresa.
    pub tipo: TipoDeDocumento,
    /// El número del documento.
    #[cfg_attr(feature = "infrastructure", schema(example = "1020304050"))]
    pub numero: String,
    /// La ciudad donde se expidió: de 1 a 100 caracteres visibles.
    #[cfg_attr(feature = "infrastructure", schema(example = "Bogotá"))]
    pub ciudad: String,
}

pub type TipoDeDocumento = Named<TipoDocumento>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::examples::*;

    fn view(identidad: IdentidadView) -> ClienteView {
        ClienteView {
            id: ID.into(),
            identidad,
            email: "ana.gil@alpes.example".into(),
            dominio: "alpes.example".into(),
            es_empresarial: true,
            documento: DocumentoView {
                tipo: TipoDocumento::Cedula.into(),
                numero: "1020304050".into(),
                ciudad: "Bogotá".into(),
            },
            estado: Estado::Activo.into(),
            fecha_creacion: AHORA,
            version: 1,
        }
    }

    #[test]
    fn a_client_reads_the_registration_and_what_is_known_besides() {
        let nombre = NombreView { nombres: "Ana María".into(), apellidos: "Ñáñez Gil".into() };
        let view = view(IdentidadView::Natural { nombre, fecha_nacimiento: NACIMIENTO });
        let json = concat!(
            r#"{"id":"0198c0de-0000-7000-8000-000000000001","tipo":"natural","#,
            r#""nombre":{"nombres":"Ana María","apellidos":"Ñáñez Gil"},"fecha_nacimiento":"1990-02-28","#,
            r#""email":"ana.gil@alpes.example","dominio":"alpes.example","es_empresarial":true,"#,
            r#""documento":{"tipo":"cedula","numero":"1020304050","ciudad":"Bogotá"},"#,
            r#""estado":"Activo","fecha_creacion":"2026-01-01T00:00:00.123456Z","version":1}"#,
        );
        assert_eq!(serde_json::to_string(&view).unwrap(), json);
    }

    #[test]
    fn a_company_has_the_members_of_a_company() {
        let razon_social = "Clínica de los Alpes S.A.S.".to_owned();
        let view = view(IdentidadView::Empresa { razon_social, fecha_constitucion: CONSTITUCION });
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!((&json["tipo"], &json["fecha_constitucion"]), (&"empresa".into(), &"2001-12-31".into()));
        assert!(json["razon_social"].is_string() && json["nombre"].is_null() && json["fecha_nacimiento"].is_null());
    }
}
