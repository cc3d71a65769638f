//! The texts and the dates of a cliente. Each is parsed once, at the edge: inside, no invalid one can exist.

use super::rules::{es_cedula, es_motivo, es_nombre, es_rut};
use chrono::NaiveDate;
use std::fmt;

seedwork::text! {
    /// The given names of a person.
    pub struct Nombres: personal, checked by es_nombre;
    /// Not the given names of a person.
    pub struct NombresInvalidos: "nombres-validos", "Los nombres deben tener de 1 a 100 caracteres visibles";
}

seedwork::text! {
    /// The family names of a person.
    pub struct Apellidos: personal, checked by es_nombre;
    /// Not the family names of a person.
    pub struct ApellidosInvalidos: "apellidos-validos", "Los apellidos deben tener de 1 a 100 caracteres visibles";
}

seedwork::text! {
    /// The name that a company is registered under.
    pub struct RazonSocial: checked by es_nombre;
    /// Not the name of a company.
    pub struct RazonSocialInvalida: "razon-social-valida", "La razón social debe tener de 1 a 100 caracteres visibles";
}

seedwork::text! {
    /// The city where a document was issued.
    pub struct Ciudad: checked by es_nombre;
    /// Not the name of a city.
    pub struct CiudadInvalida: "ciudad-valida", "La ciudad debe tener de 1 a 100 caracteres visibles";
}

seedwork::text! {
    /// The number of a person's document.
    pub struct Cedula: personal, checked by es_cedula;
    /// Not the number of a cedula.
    pub struct CedulaInvalida: "cedula-valida", "La cédula debe tener de 6 a 10 dígitos";
}

seedwork::text! {
    /// The number of a company's document.
    pub struct Rut: checked by es_rut;
    /// Not the number of a rut.
    pub struct RutInvalido:
        "rut-valido", "El RUT debe tener de 6 a 10 dígitos y, si se da, el de verificación tras un guion";
}

seedwork::text! {
    /// The reason for a deactivation.
    pub struct Motivo: checked by es_motivo;
    /// Not a readable text, or too long.
    pub struct MotivoInvalido: "motivo-valido", "El motivo debe tener de 1 a 500 caracteres y ninguno de control";
}

/// The date of birth of a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FechaNacimiento(NaiveDate);

/// The lowest age of a cliente, in years.
const MAYORIA_DE_EDAD: u32 = 18;

impl FechaNacimiento {
    pub fn new(fecha: NaiveDate) -> Self {
        Self(fecha)
    }

    /// Refuses a person who is under 18 on the day `hoy`. A person born on February 29 comes of age on March 1.
    pub fn comprobar(self, hoy: NaiveDate) -> Result<(), MenorDeEdad> {
        let edad = hoy.years_since(self.0).ok_or(MenorDeEdad)?;
        if edad >= MAYORIA_DE_EDAD { Ok(()) } else { Err(MenorDeEdad) }
    }

    pub fn fecha(self) -> NaiveDate {
        self.0
    }
}

/// Hides the date, which is personal.
impl fmt::Debug for FechaNacimiento {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FechaNacimiento(…)")
    }
}

seedwork::refusal! {
    /// A person under 18.
    pub struct MenorDeEdad: "mayor-de-edad", "El cliente debe tener 18 años o más";
}

/// The date of foundation of a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FechaConstitucion(NaiveDate);

impl FechaConstitucion {
    pub fn new(fecha: NaiveDate) -> Self {
        Self(fecha)
    }

    /// Refuses a company that is founded on the day `hoy` or later.
    pub fn comprobar(self, hoy: NaiveDate) -> Result<(), FechaPorVenir> {
        if self.0 < hoy { Ok(()) } else { Err(FechaPorVenir) }
    }

    pub fn fecha(self) -> NaiveDate {
        self.0
    }
}

seedwork::refusal! {
    /// A company founded today or later.
    pub struct FechaPorVenir: "fecha-pasada", "La fecha de constitución debe ser anterior a hoy";
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::domain::BrokenRule;

    fn dia(texto: &str) -> NaiveDate {
        texto.parse().unwrap()
    }

    #[test]
    fn a_person_is_18_years_old_on_the_18th_birthday() {
        for (nacimiento, hoy, es_mayor) in [
            ("2008-01-01", "2026-01-01", true),
            ("2008-01-02", "2026-01-01", false),
            ("2008-02-29", "2026-02-28", false),
            ("2008-02-29", "2026-03-01", true),
            ("0001-01-01", "2026-01-01", true),
            ("2026-01-01", "2026-01-01", false),
            ("2030-01-01", "2026-01-01", false),
            ("9999-12-31", "2026-01-01", false),
        ] {
            let checked = FechaNacimiento::new(dia(nacimiento)).comprobar(dia(hoy));
            assert_eq!(checked.is_ok(), es_mayor, "{nacimiento} on {hoy}");
        }
    }

    #[test]
    fn a_company_was_founded_before_today() {
        let hoy = dia("2026-01-01");
        assert_eq!(FechaConstitucion::new(dia("2025-12-31")).comprobar(hoy), Ok(()));
        for fecha in ["2026-01-01", "2026-01-02"] {
            assert_eq!(FechaConstitucion::new(dia(fecha)).comprobar(hoy), Err(FechaPorVenir), "{fecha}");
        }
    }

    #[test]
    fn a_refusal_names_its_rule() {
        assert_eq!(Nombres::parse("").unwrap_err().rule(), "nombres-validos");
        assert_eq!(Apellidos::parse("").unwrap_err().rule(), "apellidos-validos");
        assert_eq!(RazonSocial::parse("").unwrap_err().rule(), "razon-social-valida");
        assert_eq!(Ciudad::parse("").unwrap_err().rule(), "ciudad-valida");
        assert_eq!(Cedula::parse("").unwrap_err().rule(), "cedula-valida");
        assert_eq!(Rut::parse("").unwrap_err().rule(), "rut-valido");
        assert_eq!(Motivo::parse("").unwrap_err().rule(), "motivo-valido");
    }
}
