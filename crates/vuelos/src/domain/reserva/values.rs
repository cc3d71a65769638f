//! The texts of a reserva. Each is parsed once, at the edge: inside, no invalid one can exist.

use super::rules::{es_codigo_iata, es_motivo, es_nombre};

seedwork::text! {
    /// The IATA code of an airport.
    pub struct CodigoIata: checked by es_codigo_iata;
    /// Not three capitals.
    pub struct CodigoIataInvalido: "codigo-iata", "El código IATA debe tener tres letras mayúsculas";
}

seedwork::text! {
    /// The name of an airport.
    pub struct NombreAeropuerto: checked by es_nombre;
    /// Not a name.
    pub struct NombreInvalido: "nombre-valido", "El nombre debe tener de 1 a 100 caracteres visibles";
}

seedwork::text! {
    /// The reason for a change.
    pub struct Motivo: checked by es_motivo;
    /// Not a readable text, or too long.
    pub struct MotivoInvalido: "motivo-valido", "El motivo debe tener de 1 a 500 caracteres y ninguno de control";
}

impl Motivo {
    /// The motivo of a cancellation because the cliente was deactivated.
    pub fn cliente_desactivado() -> Self {
        Self("cliente-desactivado".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::domain::BrokenRule;

    #[test]
    fn a_refusal_names_its_rule() {
        assert_eq!(CodigoIata::parse("").unwrap_err().rule(), "codigo-iata");
        assert_eq!(NombreAeropuerto::parse("").unwrap_err().rule(), "nombre-valido");
        assert_eq!(Motivo::parse("").unwrap_err().rule(), "motivo-valido");
    }

    #[test]
    fn a_motivo_of_the_business_keeps_its_own_rules() {
        let motivo = Motivo::cliente_desactivado();
        assert_eq!(Motivo::parse(motivo.as_str()), Ok(motivo));
    }
}
