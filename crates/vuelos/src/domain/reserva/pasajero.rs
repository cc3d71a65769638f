//! The pasajeros of a reserva.

use seedwork::domain::Violations;

/// The most pasajeros of a reserva.
const MAXIMO: usize = 100;

seedwork::choice! {
    /// The kinds of pasajero.
    pub enum TipoPasajero as TipoDePasajero {
        /// An adult.
        Adulto,
        /// A child with a seat.
        Menor,
        /// A child on an adult's lap.
        Infante,
    }
    /// Not the name of a kind of pasajero.
    pub struct TipoPasajeroInvalido:
        "tipo-pasajero-valido", "El tipo de pasajero debe ser «Adulto», «Menor» o «Infante»";
}

seedwork::choice! {
    /// The travel classes.
    pub enum Clase {
        Economica,
        Premium,
        Ejecutiva,
        Primera,
    }
    /// Not the name of a class.
    pub struct ClaseInvalida: "clase-valida", "La clase debe ser «Economica», «Premium», «Ejecutiva» o «Primera»";
}

seedwork::refusal! {
    /// A reserva on which only children travel.
    pub struct MinimoUnAdulto: "minimo-un-adulto", "Debe viajar al menos un adulto";
}

seedwork::refusal! {
    /// Too many pasajeros for one reserva.
    pub struct MaximoPasajeros: "maximo-pasajeros", "En una reserva pueden viajar como máximo 100 pasajeros";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pasajero {
    pub tipo: TipoPasajero,
    pub clase: Clase,
}

/// The pasajeros of one reserva: at least one of them is an adult.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasajeros(Vec<Pasajero>);

impl Pasajeros {
    /// Parses pasajeros, each by the names of its tipo and its clase. The error has every broken rule.
    pub fn parse<'a>(escritos: &[(&'a str, &'a str)]) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        if escritos.len() > MAXIMO {
            found.add("", &MaximoPasajeros);
            return Err(found);
        }
        if !escritos.iter().any(|(tipo, _)| *tipo == TipoPasajero::Adulto.as_str()) {
            found.add("", &MinimoUnAdulto);
        }
        let pasajeros = found.each("", escritos, |(tipo, clase)| {
            let mut found = Violations::collect();
            let (tipo, clase) = (found.field("tipo", tipo.parse()), found.field("clase", clase.parse()));
            found.check(|| Some(Pasajero { tipo: tipo?, clase: clase? }))
        });
        found.check(|| pasajeros.map(Self))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Pasajero> {
        self.0.iter()
    }
}

/// One adult in Economica: the pasajero of a reserva that names none.
impl Default for Pasajeros {
    fn default() -> Self {
        Self(vec![Pasajero { tipo: TipoPasajero::Adulto, clase: Clase::Economica }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(escritos: &[(&str, &str)], expected: &[(&str, &str)]) {
        let refused = Pasajeros::parse(escritos).unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| (broken.field.as_str(), broken.rule)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_reserva_without_pasajeros_is_for_one_adult() {
        assert_eq!(Pasajeros::parse(&[("Adulto", "Economica")]), Ok(Pasajeros::default()));
    }

    #[test]
    fn at_least_one_pasajero_is_an_adult() {
        assert!(Pasajeros::parse(&[("Infante", "Premium"), ("Adulto", "Primera")]).is_ok());
        refused(&[], &[("", "minimo-un-adulto")]);
        refused(&[("Menor", "Ejecutiva"), ("Infante", "Economica")], &[("", "minimo-un-adulto")]);
    }

    #[test]
    fn at_most_100_pasajeros_travel_together() {
        assert!(Pasajeros::parse(&[("Adulto", "Economica"); 100]).is_ok());
        refused(&[("Adulto", "Economica"); 101], &[("", "maximo-pasajeros")]);
    }

    #[test]
    fn an_unknown_name_is_reported_with_its_place() {
        let all = [("", "minimo-un-adulto"), ("[0].tipo", "tipo-pasajero-valido"), ("[1].clase", "clase-valida")];
        refused(&[("Anciano", "Premium"), ("Menor", "Turista")], &all);
    }
}
