//! The rules for texts of a cliente.

use seedwork::domain::{is_prose, is_visible};

/// 1 to 100 visible characters, spaces only between them.
pub(super) fn es_nombre(texto: &str) -> bool {
    is_visible(texto, 1..=100)
}

/// Readable text of at most 500 characters.
pub(super) fn es_motivo(texto: &str) -> bool {
    is_prose(texto, 500)
}

/// 6 to 10 digits.
pub(super) fn es_cedula(texto: &str) -> bool {
    (6..=10).contains(&texto.len()) && texto.bytes().all(|byte| byte.is_ascii_digit())
}

/// 6 to 10 digits, optionally with `-` and the check digit.
///
/// The check digit is *not* verified: the business asks for its form only. It does not count for uniqueness, so that a
/// wrong one registers no company twice. Of a Colombian RUT (the number is the NIT) it would be computed so: multiply the
/// digits, last one first, by 3, 7, 13, 17, 19, 23, 29, 37, 41, 43, and add the products. The sum modulo 11 is the check
/// digit if it is 0 or 1; otherwise 11 minus the sum modulo 11 is.
pub(super) fn es_rut(texto: &str) -> bool {
    match texto.split_once('-') {
        Some((numero, verificacion)) => {
            es_cedula(numero) && matches!(verificacion.as_bytes(), [digito] if digito.is_ascii_digit())
        }
        None => es_cedula(texto),
    }
}

/// An address that every mail server accepts: as browsers accept it in `<input type=email>` (the HTML standard), with a dot
/// in its domain and of at most 254 characters (RFC 5321).
pub(super) fn es_email(texto: &str) -> bool {
    texto.len() <= 254 && texto.rsplit_once('@').is_some_and(|(local, dominio)| es_buzon(local) && es_dominio(dominio))
}

fn es_buzon(texto: &str) -> bool {
    (1..=64).contains(&texto.len())
        && texto.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
}

fn es_dominio(texto: &str) -> bool {
    texto.contains('.') && texto.split('.').all(es_etiqueta)
}

fn es_etiqueta(texto: &str) -> bool {
    (1..=63).contains(&texto.len())
        && texto.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !texto.starts_with('-')
        && !texto.ends_with('-')
}

/// Known domains that give free addresses to anybody, sorted.
const CORREO_GRATUITO: &[&str] = &[
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "gmx.es",
    "gmx.net",
    "googlemail.com",
    "hotmail.co",
    "hotmail.com",
    "hotmail.com.co",
    "hotmail.es",
    "icloud.com",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "outlook.com",
    "outlook.es",
    "pm.me",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rocketmail.com",
    "tuta.com",
    "tuta.io",
    "tutanota.com",
    "yahoo.com",
    "yahoo.com.ar",
    "yahoo.com.br",
    "yahoo.com.co",
    "yahoo.com.mx",
    "yahoo.es",
    "yandex.com",
    "ymail.com",
    "zohomail.com",
];

/// Returns true if the domain, in lower case, gives free addresses to anybody.
pub(super) fn es_de_correo_gratuito(dominio: &str) -> bool {
    CORREO_GRATUITO.binary_search(&dominio).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::testing::check;

    #[test]
    fn a_name_is_1_to_100_visible_characters() {
        check(es_nombre, true, ["A".to_owned(), "Ana María".to_owned(), "山田".to_owned(), "ñ".repeat(100)]);
        check(es_nombre, false, [String::new(), " Ana".to_owned(), "A\u{200b}na".to_owned(), "x".repeat(101)]);
    }

    #[test]
    fn a_motivo_is_1_to_500_visible_characters() {
        check(es_motivo, true, ["se va".to_owned(), "ñ".repeat(500)]);
        check(es_motivo, false, [" ".to_owned(), "a\0b".to_owned(), "x".repeat(501)]);
    }

    #[test]
    fn a_cedula_is_6_to_10_digits() {
        check(es_cedula, true, ["123456", "1020304050", "000000"]);
        check(es_cedula, false, ["", "12345", "12345678901", "1.020.304", "102030 ", "-123456", "12345a", "١٢٣٤٥٦"]);
    }

    #[test]
    fn a_rut_is_6_to_10_digits_with_an_optional_check_digit() {
        check(es_rut, true, ["123456", "900123456", "900123456-8", "900123456-7", "9001234567-0"]);
        check(
            es_rut,
            false,
            ["", "12345-1", "900123456-", "900123456-78", "900123456-K", "-8", "9-0-1", "90012345678"],
        );
    }

    #[test]
    fn an_email_has_a_mailbox_and_a_domain_with_a_dot() {
        check(es_email, true, ["a@b.co", "Ana.Gil+x@Alpes.Example", "o'neil@a-b.c-d.example", "1@2.3", "a/b=c@x.y"]);
        check(es_email, true, [format!("{}@{}.co", "a".repeat(64), "b".repeat(63))]);
        check(es_email, false, ["", "@", "a", "a@", "@b.co", "a@b", "a@b.", "a@.co", "a@b..co", "a@-b.co", "a@b-.co"]);
        check(es_email, false, ["a b@c.co", "a@b c.co", " a@b.co", "a@b.co ", "a@b@c.co", "a,b@c.co", "<a@b.co>"]);
        check(es_email, false, ["ñ@b.co", "a@ñandú.co", "a\0@b.co", "a@b.co\n", "a@[127.0.0.1]", "\"a b\"@c.co"]);
        check(es_email, false, [format!("{}@b.co", "a".repeat(65)), format!("a@{}.co", "b".repeat(64))]);
        check(es_email, false, [format!("a@{}co", "bcd.".repeat(63))]);
    }

    #[test]
    fn the_domains_are_in_order_as_the_search_needs_them() {
        assert!(CORREO_GRATUITO.is_sorted());
    }
}
