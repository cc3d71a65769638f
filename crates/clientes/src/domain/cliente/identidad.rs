//! The legal identity of a cliente.

use super::{Apellidos, Cedula, FechaConstitucion, FechaNacimiento, Nombres, RazonSocial, Rut};
use chrono::NaiveDate;
use seedwork::domain::Violations;
use std::fmt;

/// A person or a company, each with its own kind of name, document and date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identidad {
    /// A person.
    Natural { nombre: Nombre, cedula: Cedula, nacimiento: FechaNacimiento },
    /// A company.
    Empresa { razon_social: RazonSocial, rut: Rut, constitucion: FechaConstitucion },
}

impl Identidad {
    pub fn tipo(&self) -> Tipo {
        match self {
            Self::Natural { .. } => Tipo::Natural,
            Self::Empresa { .. } => Tipo::Empresa,
        }
    }

    pub fn documento(&self) -> TipoDocumento {
        match self {
            Self::Natural { .. } => TipoDocumento::Cedula,
            Self::Empresa { .. } => TipoDocumento::Rut,
        }
    }

    /// Checks the rules of the day `hoy`, on which the cliente is registered: a person is an adult, a company exists already.
    pub fn comprobar(&self, hoy: NaiveDate) -> Result<(), Violations> {
        let mut found = Violations::collect();
        match self {
            Self::Natural { nacimiento, .. } => found.field("fecha_nacimiento", nacimiento.comprobar(hoy)),
            Self::Empresa { constitucion, .. } => found.field("fecha_constitucion", constitucion.comprobar(hoy)),
        };
        found.check(|| Some(()))
    }

    /// Returns the number of the document.
    pub fn numero(&self) -> &str {
        match self {
            Self::Natural { cedula, .. } => cedula.as_str(),
            Self::Empresa { rut, .. } => rut.as_str(),
        }
    }

    /// Returns the names of a person, or the razón social, in one text.
    pub fn nombre(&self) -> String {
        match self {
            Self::Natural { nombre, .. } => nombre.to_string(),
            Self::Empresa { razon_social, .. } => razon_social.to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nombre {
    pub nombres: Nombres,
    pub apellidos: Apellidos,
}

impl fmt::Display for Nombre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.nombres, self.apellidos)
    }
}

seedwork::choice! {
    /// The kinds of cliente.
    pub enum Tipo as TipoDeCliente {
        /// A person.
        Natural = "natural",
        /// A company.
        Empresa = "empresa",
    }
    /// Not one of these kinds.
    pub struct TipoInvalido: "tipo-valido", "El tipo debe ser «natural» o «empresa»";
}

seedwork::choice! {
    /// The kinds of legal document.
    pub enum TipoDocumento as TipoDeDocumento {
        /// A person's.
        Cedula = "cedula",
        /// A company's.
        Rut = "rut",
    }
    /// Not one of these kinds.
    pub struct TipoDocumentoInvalido: "tipo-documento-valido", "El tipo del documento debe ser «cedula» o «rut»";
}

impl TipoDocumento {
    /// Refuses a document that does not identify a cliente of this kind: a person has a cedula, a company a rut.
    pub fn identifica(self, tipo: Tipo) -> Result<(), DocumentoNoCorresponde> {
        match (tipo, self) {
            (Tipo::Natural, Self::Cedula) | (Tipo::Empresa, Self::Rut) => Ok(()),
            _ => Err(DocumentoNoCorresponde),
        }
    }
}

seedwork::refusal! {
    /// A person with a rut, or a company with a cedula.
    pub struct DocumentoNoCorresponde:
        "documento-corresponde", "Un cliente natural se identifica con cédula, y una empresa con RUT";
}

#[cfg(test)]
mod tests {
    use super::{super::examples::*, *};

    #[test]
    fn a_cliente_is_called_by_one_text() {
        assert_eq!((natural().tipo(), natural().nombre().as_str()), (Tipo::Natural, "Ana María Ñáñez Gil"));
        assert_eq!((empresa().tipo(), empresa().nombre().as_str()), (Tipo::Empresa, "Clínica de los Alpes S.A.S."));
    }

    #[test]
    fn a_person_has_a_cedula_and_a_company_a_rut() {
        assert_eq!(TipoDocumento::Cedula.identifica(Tipo::Natural), Ok(()));
        assert_eq!(TipoDocumento::Rut.identifica(Tipo::Empresa), Ok(()));
        assert_eq!(TipoDocumento::Rut.identifica(Tipo::Natural), Err(DocumentoNoCorresponde));
        assert_eq!(TipoDocumento::Cedula.identifica(Tipo::Empresa), Err(DocumentoNoCorresponde));
    }

    #[test]
    fn a_person_is_not_shown_by_accident() {
        let shown = format!("{:?}", natural());
        assert!(["Ana", "Gil", "1020", "1990"].iter().all(|personal| !shown.contains(personal)), "{shown}");
    }
}
