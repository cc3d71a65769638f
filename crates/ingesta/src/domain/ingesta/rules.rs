//! What texts must be like to name a provider, a patient, an image or a reason.

use std::cell::Cell;
use url::{SyntaxViolation, Url};

/// As the identifiers of DICOM are: 1 to 64 visible characters, spaces only between them.
pub(super) fn es_identificador(texto: &str) -> bool {
    (1..=64).contains(&texto.chars().count()) && texto.trim() == texto && texto.chars().all(es_visible)
}

/// Whether a reader sees the character, or the gap it leaves. Identifiers that look the same must be the same.
fn es_visible(c: char) -> bool {
    c == ' ' || !(c.is_whitespace() || c.is_control() || da_formato(c))
}

/// Characters that leave no mark of their own, Unicode's `Default_Ignorable_Code_Point`: soft hyphen, joiners, direction
/// marks, fillers, variation selectors, tags, byte order mark.
fn da_formato(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// An absolute `http` or `https` URL with a host, of at most 2048 characters.
///
/// The parser mends much (spaces, backslashes, missing slashes). The text is kept as it was written, so what needs
/// mending is refused; credentials, which the parser also frowns on, are for the provider to decide.
pub(super) fn es_url(texto: &str) -> bool {
    let mended = Cell::new(false);
    let note = |found| mended.set(mended.get() || found != SyntaxViolation::EmbeddedCredentials);
    texto.chars().count() <= 2048
        && Url::options()
            .syntax_violation_callback(Some(&note))
            .parse(texto)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        && !mended.get()
}

/// Something to read, in lines if need be: at most 500 characters, and no control characters besides.
pub(super) fn es_motivo(texto: &str) -> bool {
    texto.chars().count() <= 500
        && !texto.trim().is_empty()
        && !texto.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with the first text that the rule sees differently.
    #[track_caller]
    fn check<T: AsRef<str>>(rule: fn(&str) -> bool, expected: bool, textos: impl IntoIterator<Item = T>) {
        for texto in textos {
            let texto = texto.as_ref();
            assert_eq!(rule(texto), expected, "{texto:?}");
        }
    }

    #[test]
    fn an_identifier_is_1_to_64_visible_characters() {
        check(es_identificador, true, ["7", "PAC 0042", "1.2.840.10008", "Ñandú^José", "患者"]);
        check(es_identificador, true, ["x".repeat(64), "ñ".repeat(64)]);
        check(es_identificador, false, [String::new(), "x".repeat(65)]);
        check(es_identificador, false, [" ", " 7", "7 ", "7\n", "a\tb", "a\0b", "a\u{7f}b", "a\u{a0}b", "a\u{200b}b"]);
        check(
            es_identificador,
            false,
            ["\u{3164}", "a\u{115f}b", "a\u{fe0f}", "a\u{e0041}", "a\u{61c}b", "a\u{180e}b"],
        );
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
    fn a_motivo_says_something_in_at_most_500_characters() {
        check(es_motivo, true, ["imagen borrosa", "dos\nlineas\ty mas", " ñ "]);
        check(es_motivo, true, ["ñ".repeat(500)]);
        check(es_motivo, false, ["", " ", "\n\t", "a\0b", "a\rb", "a\u{1b}[0m", "a\u{85}b"]);
        check(es_motivo, false, ["x".repeat(501)]);
    }
}
