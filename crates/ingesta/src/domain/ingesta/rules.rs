//! The rules for texts of an ingesta.

use seedwork::domain::{is_prose, is_visible};
use std::cell::Cell;
use url::{SyntaxViolation, Url};

/// 1 to 64 visible characters, spaces only between them: an identifier of DICOM.
pub(super) fn es_identificador(texto: &str) -> bool {
    is_visible(texto, 1..=64)
}

/// An absolute `http` or `https` URL with a host, of at most 2048 characters.
///
/// The parser repairs much (spaces, backslashes, missing slashes). The text is stored as it was written, so a text that
/// needs repair is refused. Credentials, which the parser reports too, are the provider's decision.
pub(super) fn es_url(texto: &str) -> bool {
    let repaired = Cell::new(false);
    let note = |found| repaired.set(repaired.get() || found != SyntaxViolation::EmbeddedCredentials);
    texto.chars().count() <= 2048
        && Url::options()
            .syntax_violation_callback(Some(&note))
            .parse(texto)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        && !repaired.get()
}

/// Readable text of at most 500 characters.
pub(super) fn es_motivo(texto: &str) -> bool {
    is_prose(texto, 500)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedwork::testing::check;

    #[test]
    fn an_identifier_is_1_to_64_visible_characters() {
        check(es_identificador, true, ["7".to_owned(), "PAC 0042".to_owned(), "ñ".repeat(64)]);
        check(es_identificador, false, [String::new(), " 7".to_owned(), "a\0b".to_owned(), "x".repeat(65)]);
    }

    #[test]
    fn a_url_is_absolute_http_with_a_host() {
        check(
            es_url,
            true,
            ["http://a", "HTTPS://a.example:8443/x/torax.dcm?corte=3#a", "http://[::1]/x", "http://año.es/ñ"],
        );
        check(es_url, true, ["http://usuario:clave@a/x", "http://10.0.0.7/x%20y"]);
        check(es_url, false, ["", " ", "torax.dcm", "/x/torax.dcm", "//a/x", "a.example/x", "http://", "http:///x"]);
        check(es_url, false, ["ftp://a/x", "file:///etc/passwd", "javascript:alert(1)", "data:,x", "mailto:a@b"]);
        check(
            es_url,
            false,
            ["http:a", "http:/a", "http:\\\\a", "http://a\\x", " http://a", "http://a ", "http://a/x y"],
        );
        check(
            es_url,
            false,
            ["http://a/\0", "http://a/\n", "ht\ntp://a", "http://a/%zz", "http://a:99999", "http://[::1"],
        );
    }

    #[test]
    fn a_url_has_at_most_2048_characters() {
        let of = |length: usize| format!("http://a/{}", "ñ".repeat(length - "http://a/".len()));
        check(es_url, true, [of(2048)]);
        check(es_url, false, [of(2049)]);
    }

    #[test]
    fn a_motivo_is_1_to_500_visible_characters() {
        check(es_motivo, true, ["imagen borrosa".to_owned(), "ñ".repeat(500)]);
        check(es_motivo, false, [" ".to_owned(), "a\0b".to_owned(), "x".repeat(501)]);
    }
}
