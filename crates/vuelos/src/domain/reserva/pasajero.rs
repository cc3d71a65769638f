//! Who travels.

use seedwork::domain::Violations;

/// How many travel on one reserva at most.
const MAXIMO: usize = 100;

seedwork::choice! {
    /// Kinds of travellers.
    pub enum TipoPasajero as TipoDePasajero {
        /// Grown up.
        Adulto,
        /// A child with a seat.
        Menor,
        /// A child on somebody's lap.
        Infante,
    }
    /// No kind has that name.
    pub struct TipoPasajeroInvalido: "tipo-pasajero-valido", "El tipo de pasajero debe ser Adulto, Menor o Infante";
}

seedwork::choice! {
    /// Where one sits.
    pub enum Clase {
        /// In the back.
        Economica,
        /// With some room.
        Premium,
        /// With a bed.
        Ejecutiva,
        /// In the front.
        Primera,
    }
    /// No class has that name.
    pub struct ClaseInvalida: "clase-valida", "La clase debe ser Economica, Premium, Ejecutiva o Primera";
}

seedwork::refusal! {
    /// Children do not travel alone.
    pub struct MinimoUnAdulto: "minimo-un-adulto", "Debe viajar al menos un adulto";
}

seedwork::refusal! {
    /// Too many for one reserva.
    pub struct MaximoPasajeros: "maximo-pasajeros", "En una reserva viajan como mucho 100 pasajeros";
}

/// Somebody who travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pasajero {
    /// Who.
    pub tipo: TipoPasajero,
    /// Where.
    pub clase: Clase,
}

/// Those who travel on one reserva: at least one of them is grown up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasajeros(Vec<Pasajero>);

impl Pasajeros {
    /// Takes the travellers that somebody named, each by the names of its tipo and its clase.
    ///
    /// # Errors
    ///
    /// Every rule that they break.
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

    /// Who travels, in the order they were named.
    pub fn iter(&self) -> impl Iterator<Item = &Pasajero> {
        self.0.iter()
    }
}

/// Whoever names nobody asks for one.
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
    fn whoever_names_nobody_travels_alone() {
        assert_eq!(Pasajeros::parse(&[("Adulto", "Economica")]), Ok(Pasajeros::default()));
    }

    #[test]
    fn at_least_one_is_grown_up() {
        assert!(Pasajeros::parse(&[("Infante", "Premium"), ("Adulto", "Primera")]).is_ok());
        refused(&[], &[("", "minimo-un-adulto")]);
        refused(&[("Menor", "Ejecutiva"), ("Infante", "Economica")], &[("", "minimo-un-adulto")]);
    }

    #[test]
    fn at_most_100_travel_together() {
        assert!(Pasajeros::parse(&[("Adulto", "Economica"); 100]).is_ok());
        refused(&[("Adulto", "Economica"); 101], &[("", "maximo-pasajeros")]);
    }

    #[test]
    fn what_nobody_knows_is_told_with_its_place() {
        let all = [("", "minimo-un-adulto"), ("[0].tipo", "tipo-pasajero-valido"), ("[1].clase", "clase-valida")];
        refused(&[("Anciano", "Premium"), ("Menor", "Turista")], &all);
    }
}
