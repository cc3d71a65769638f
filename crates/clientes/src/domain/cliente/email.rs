//! Where a cliente is written to.

use super::rules::{es_de_correo_gratuito, es_email};
use std::fmt;

/// An email address, in small letters: two that differ only in these are one.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Takes an address, in small letters.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(texto: &str) -> Result<Self, EmailInvalido> {
        if es_email(texto) { Ok(Self(texto.to_ascii_lowercase())) } else { Err(EmailInvalido) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the `@`.
    pub fn dominio(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, dominio)| dominio)
    }

    /// Whether it seems to be an organization's: the domain is not of those where anybody gets an address for nothing.
    pub fn es_empresarial(&self) -> bool {
        !es_de_correo_gratuito(self.dominio())
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Personal: not shown by accident.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

seedwork::refusal! {
    /// Not an email address.
    pub struct EmailInvalido: "email-valido", "El email debe ser una direccion como nombre@dominio.com";
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
