//! What texts must be like to name an airport or a reason.

use seedwork::domain::{is_prose, is_visible};

/// Three capitals.
pub(super) fn es_codigo_iata(texto: &str) -> bool {
    texto.len() == 3 && texto.bytes().all(|letra| letra.is_ascii_uppercase())
}

/// 1 to 100 visible characters.
pub(super) fn es_nombre(texto: &str) -> bool {
    is_visible(texto, 1..=100)
}

/// Something to read, of at most 500 characters.
pub(super) fn es_motivo(texto: &str) -> bool {
    is_prose(texto, 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_three_capitals() {
        for texto in ["BOG", "JFK", "AAA"] {
            assert!(es_codigo_iata(texto), "{texto:?}");
        }
        for texto in ["", "BO", "BOGO", "bog", "B0G", "B G", "ÑOG", "ÉÉ", "БOГ", "BOG ", "BO\0", "\u{ff22}OG"] {
            assert!(!es_codigo_iata(texto), "{texto:?}");
        }
    }

    #[test]
    fn a_name_has_at_most_100_characters() {
        assert!(es_nombre("El Dorado - Bogotá International Airport (BOG)") && es_nombre(&"ñ".repeat(100)));
        assert!(!es_nombre("") && !es_nombre(&"ñ".repeat(101)) && !es_nombre("a\nb"));
    }

    #[test]
    fn a_motivo_has_at_most_500_characters() {
        assert!(es_motivo("ya no viaja") && es_motivo(&"ñ".repeat(500)));
        assert!(!es_motivo(" ") && !es_motivo(&"ñ".repeat(501)));
    }
}
