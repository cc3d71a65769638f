//! The texts of an ingesta. Each is parsed once, at the edge: inside, no invalid one can exist.

use super::rules::{es_identificador, es_motivo, es_url};
use seedwork::domain::BrokenRule;
use std::fmt;

/// Declares a text that a rule has looked at, and the refusal by that rule.
macro_rules! texto {
    (
        $(#[$value_doc:meta])* $value:ident, checked by $es_valido:ident;
        $(#[$error_doc:meta])* $error:ident, $rule:literal, $detail:literal;
    ) => {
        $(#[$value_doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $value(String);

        impl $value {
            /// Takes the text as it is, if the rule allows it.
            ///
            /// # Errors
            ///
            /// The rule does not.
            pub fn parse(texto: &str) -> Result<Self, $error> {
                if $es_valido(texto) { Ok(Self(texto.to_owned())) } else { Err($error) }
            }

            /// The text, as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $value {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        $(#[$error_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($detail)]
        pub struct $error;

        impl BrokenRule for $error {
            fn rule(&self) -> &'static str {
                $rule
            }
        }
    };
}

texto! {
    /// Who hands images in.
    IdProveedor, checked by es_identificador;
    /// Not an identifier of a provider.
    IdProveedorInvalido, "id-proveedor-valido", "El id del proveedor debe tener de 1 a 64 caracteres visibles";
}

texto! {
    /// Whose image it is: personal data, never to be logged.
    IdPaciente, checked by es_identificador;
    /// Not an identifier of a patient.
    IdPacienteInvalido, "id-paciente-valido", "El id del paciente debe tener de 1 a 64 caracteres visibles";
}

texto! {
    /// Where the image is.
    UrlImagen, checked by es_url;
    /// Not an absolute `http` or `https` URL, or one of more than 2048 characters.
    UrlInvalida, "url-valida", "La ruta de la imagen debe ser valida";
}

texto! {
    /// Why somebody changed an ingesta.
    Motivo, checked by es_motivo;
    /// No reason at all, or not one to be kept.
    MotivoInvalido, "motivo-valido", "El motivo debe tener de 1 a 500 caracteres, y ninguno de control";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_as_it_was_written() {
        assert_eq!(UrlImagen::parse("HTTP://A.example").unwrap().as_str(), "HTTP://A.example");
        assert_eq!(Motivo::parse(" se ve mal\n").unwrap().to_string(), " se ve mal\n");
    }

    #[test]
    fn a_refusal_names_its_rule() {
        assert_eq!(IdProveedor::parse("").unwrap_err().rule(), "id-proveedor-valido");
        assert_eq!(IdPaciente::parse("").unwrap_err().rule(), "id-paciente-valido");
        assert_eq!(UrlImagen::parse("").unwrap_err().rule(), "url-valida");
        assert_eq!(Motivo::parse("").unwrap_err().rule(), "motivo-valido");
    }
}
