//! The rules for texts of a reserva.

use seedwork::domain::{is_prose, is_visible};

/// Three capitals.
pub(super) fn es_codigo_iata(texto: &str) -> bool {
    texto.len() == 3 && texto.bytes().all(|letra| letra.is_ascii_uppercase())
}

/// 1 to 100 visible characters.
pub(super) fn es_nombre(texto: &str) -> bool {
    is_visible(texto, 1..=100)
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
    fn a_code_is_three_capitals() {
        check(es_codigo_iata, true, ["BOG", "JFK", "AAA"]);
        check(
            es_codigo_iata,
            false,
            ["", "BO", "BOGO", "bog", "B0G", "B G", "ÑOG", "ÉÉ", "БOГ", "BOG ", "BO\0", "\u{ff22}OG"],
        );
    }

    #[test]
    fn a_name_is_1_to_100_visible_characters() {
        check(es_nombre, true, ["El Dorado - Bogotá International Airport (BOG)", &"ñ".repeat(100)]);
        check(es_nombre, false, ["", "a\nb", &"ñ".repeat(101)]);
    }

    #[test]
    fn a_motivo_is_1_to_500_visible_characters() {
        check(es_motivo, true, ["ya no viaja", &"ñ".repeat(500)]);
        check(es_motivo, false, [" ", "a\0b", &"ñ".repeat(501)]);
    }
}
