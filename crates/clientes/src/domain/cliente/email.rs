//! Email addresses.

use super::rules::{es_de_correo_gratuito, es_email};
use std::fmt;

/// An email address in lower case, so that addresses that differ only in case are one.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub fn parse(texto: &str) -> Result<Self, EmailInvalido> {
        if es_email(texto) { Ok(Self(texto.to_ascii_lowercase())) } else { Err(EmailInvalido) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part after the `@`.
    pub fn dominio(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, dominio)| dominio)
    }

    /// Returns true if the domain is not known to give free addresses to anybody.
    pub fn es_empresarial(&self) -> bool {
        !es_de_correo_gratuito(self.dominio())
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hides the address, which is personal.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

seedwork::refusal! {
    /// Not an email address.
    pub struct EmailInvalido: "email-valido", "El email debe ser una dirección como nombre@dominio.com";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_kept_in_small_letters() {
        let email = Email::parse("Ana.Gil+STA@Clinica.Example.CO").unwrap();
        assert_eq!((email.as_str(), email.dominio()), ("ana.gil+sta@clinica.example.co", "clinica.example.co"));
        assert_eq!(Email::parse(email.as_str()), Ok(email));
    }

    #[test]
    fn an_address_that_anybody_gets_is_not_an_organizations() {
        for (texto, es_empresarial) in
            [("a@alpes.example", true), ("a@GMAIL.com", false), ("a@yahoo.com.co", false), ("a@mail.gmail.com", true)]
        {
            assert_eq!(Email::parse(texto).unwrap().es_empresarial(), es_empresarial, "{texto}");
        }
    }
}
