//! One cliente, also when it has left.

use crate::{
    application::ClientesFault,
    domain::cliente::{ClienteId, Estado, TipoDocumento},
};
use chrono::NaiveDate;
use seedwork::{
    application::{Query, by_name},
    domain::{Timestamp, Version},
};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the cliente with this id; [`ClientesFault::NoExiste`] when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientePorId {
    /// Which cliente.
    pub id: ClienteId,
}

impl Query for ClientePorId {
    const NAME: &'static str = "cliente-por-id";
    type Output = ClienteView;
    type Error = ClientesFault;
}

/// A cliente as clients see it: what it was registered with, and what is known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClienteView {
    /// Which cliente.
    pub id: Uuid,
    /// Who it is by law.
    #[serde(flatten)]
    pub identidad: IdentidadView,
    /// Where it is written to.
    pub email: String,
    /// What follows the `@`.
    pub dominio: String,
    /// Whether the email seems to be an organization's.
    pub es_empresarial: bool,
    /// What identifies it by law.
    pub documento: DocumentoView,
    /// Whether it is served.
    #[serde(serialize_with = "by_name")]
    pub estado: Estado,
    /// When it was registered.
    pub fecha_creacion: Timestamp,
    /// How often it has changed.
    pub version: Version,
}

/// A person or a company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "tipo", rename_all = "lowercase")]
pub enum IdentidadView {
    /// A person.
    Natural {
        /// What it is called.
        nombre: NombreView,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NombreView {
    /// The given names.
    pub nombres: String,
    /// The family names.
    pub apellidos: String,
}

/// What identifies a cliente by law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentoView {
    /// Which kind of document.
    #[serde(serialize_with = "by_name")]
    pub tipo: TipoDocumento,
    /// Its number.
    pub numero: String,
    /// Where it was issued.
    pub ciudad: String,
}

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
                tipo: TipoDocumento::Cedula,
                numero: "1020304050".into(),
                ciudad: "Bogotá".into(),
            },
            estado: Estado::Activo,
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
