//! The texts of an ingesta. Each is parsed once, at the edge: inside, no invalid one can exist.

use super::rules::{es_identificador, es_motivo, es_url};

seedwork::text! {
    /// The provider of an image, by the provider's own text.
    pub struct IdProveedor: checked by es_identificador;
    /// Not an identifier of a provider.
    pub struct IdProveedorInvalido:
        "id-proveedor-valido", "El id del proveedor debe tener de 1 a 64 caracteres visibles";
}

seedwork::text! {
    /// The patient of an image.
    pub struct IdPaciente: personal, checked by es_identificador;
    /// Not an identifier of a patient.
    pub struct IdPacienteInvalido:
        "id-paciente-valido", "El id del paciente debe tener de 1 a 64 caracteres visibles";
}

seedwork::text! {
    /// The address of an image.
    pub struct UrlImagen: verbatim, checked by es_url;
    /// Not an absolute `http` or `https` URL, or one of more than 2048 characters.
    pub struct UrlInvalida: "url-valida", "La ruta de la imagen debe ser válida";
}

seedwork::text! {
    /// The reason for a change.
    pub struct Motivo: checked by es_motivo;
    /// Not a readable text, or too long.
    pub struct MotivoInvalido: "motivo-valido", "El motivo debe tener de 1 a 500 caracteres y ninguno de control";
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::domain::BrokenRule;

    #[test]
    fn a_text_is_kept_as_it_was_written() {
        assert_eq!(UrlImagen::parse("HTTP://A.example").unwrap().as_str(), "HTTP://A.example");
        let of_two_characters = "http://a/Jose\u{301}.dcm";
        assert_eq!(UrlImagen::parse(of_two_characters).unwrap().as_str(), of_two_characters);
        assert_eq!(Motivo::parse(" se ve mal\n").unwrap().to_string(), " se ve mal\n");
    }

    #[test]
    fn a_patient_is_the_same_however_its_accents_are_written() {
        assert_eq!(IdPaciente::parse("Jose\u{301}"), IdPaciente::parse("José"));
        assert_eq!(IdPaciente::parse(&"e\u{301}".repeat(64)).unwrap().as_str(), "é".repeat(64));
    }

    #[test]
    fn a_patient_is_not_shown_by_accident() {
        assert_eq!(format!("{:?}", IdPaciente::parse("PAC 0042").unwrap()), "IdPaciente(…)");
    }

    #[test]
    fn a_refusal_names_its_rule() {
        assert_eq!(IdProveedor::parse("").unwrap_err().rule(), "id-proveedor-valido");
        assert_eq!(IdPaciente::parse("").unwrap_err().rule(), "id-paciente-valido");
        assert_eq!(UrlImagen::parse("").unwrap_err().rule(), "url-valida");
        assert_eq!(Motivo::parse("").unwrap_err().rule(), "motivo-valido");
    }
}
