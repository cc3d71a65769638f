//! Rules for the characters of texts that people write, for [`text!`](crate::text). A context chooses the lengths.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup},
};
use std::{borrow::Cow, ops::RangeInclusive};

/// Symbols and letters that are drawn as a gap: the blank of Braille, the object replacement character, two blanks of
/// hieroglyphs and a note without a head.
const BLANKS: [char; 5] = ['\u{2800}', '\u{fffc}', '\u{13441}', '\u{13442}', '\u{1d159}'];

/// Normalizes a text to Unicode's form C. Texts that look the same, `é` of one character or of two, become the same
/// characters.
///
/// ```
/// use seedwork::domain::normalize;
/// assert_eq!(normalize("Jose\u{301}"), "José");
/// ```
pub fn normalize(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Returns true if a text has a length in characters within `length`, and only visible characters. Spaces are allowed
/// only between them, and marks only upon them. In a [normalized](normalize) text, characters that look the same are
/// the same.
///
/// ```
/// use seedwork::domain::is_visible;
/// assert!(is_visible("Ñandú^José", 1..=64));
/// assert!(!is_visible("", 1..=64) && !is_visible(" 7", 1..=64) && !is_visible("a\u{200b}b", 1..=64));
/// ```
pub fn is_visible(text: &str, length: RangeInclusive<usize>) -> bool {
    let follows_a_gap = |at: usize| at == 0 || text[..at].ends_with(' ');
    length.contains(&text.chars().count())
        && text.trim() == text
        && text.char_indices().all(|(at, c)| c == ' ' || (is_seen(c) && !(is_mark(c) && follows_a_gap(at))))
}

/// Returns true if a text can be read. It has at least one visible character and at most `most` characters in all, on
/// any number of lines. None controls a terminal or reverses the order of the others.
///
/// ```
/// use seedwork::domain::is_prose;
/// assert!(is_prose("dos\nlineas\ty mas", 500));
/// assert!(!is_prose(" \n", 500) && !is_prose("a\0b", 500) && !is_prose("\u{200b}", 500));
/// ```
pub fn is_prose(text: &str, most: usize) -> bool {
    text.chars().count() <= most
        && text.chars().any(|c| is_seen(c) && !is_mark(c))
        && !text.contains(|c: char| (c.is_control() && c != '\n' && c != '\t') || is_reordering(c))
}

/// Returns true if the character itself is visible.
fn is_seen(c: char) -> bool {
    use GeneralCategory as Is;
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let is_gap = matches!(category, Is::Control | Is::Format) || GeneralCategoryGroup::Separator.contains(category);
    !is_gap && !BLANKS.contains(&c) && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Returns true if the character is drawn upon the one before it.
fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Returns true for embeddings, overrides and isolates of a direction: they show a text in another order than it is
/// written.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visible_text_hides_nothing() {
        for text in ["7", "PAC 0042", "1.2.840.10008", "Ñandú^José", "患者", &"x".repeat(64), &"ñ".repeat(64)] {
            assert!(is_visible(text, 1..=64), "{text:?}");
        }
        for text in ["", " ", " 7", "7 ", "7\n", "a\tb", "a\0b", "a\u{7f}b", "a\u{a0}b", "a\u{200b}b", &"x".repeat(65)]
        {
            assert!(!is_visible(text, 1..=64), "{text:?}");
        }
        for text in ["\u{3164}", "a\u{115f}b", "a\u{fe0f}", "a\u{e0041}", "a\u{61c}b", "a\u{180e}b", "a\u{202e}b"] {
            assert!(!is_visible(text, 1..=64), "{text:?}");
        }
        for text in
            ["\u{2800}", "a\u{2800}b", "\u{1d159}", "\u{fffc}", "a\u{fff9}b", "\u{110bd}", "\u{2028}", "\u{200b}"]
        {
            assert!(!is_visible(text, 1..=64), "{text:?}");
        }
    }

    #[test]
    fn a_mark_is_visible_upon_a_character_only() {
        for text in ["e\u{301}", "q\u{307}\u{323}", "x\u{20dd}", "हिन्दी", "◌\u{301}"] {
            assert!(is_visible(text, 1..=64), "{text:?}");
        }
        for text in ["\u{301}", "\u{301}a", "a \u{301}b", "\u{20dd}", "\u{93e}"] {
            assert!(!is_visible(text, 1..=64), "{text:?}");
        }
    }

    #[test]
    fn texts_that_look_the_same_become_the_same() {
        for (written, kept) in [("José", "José"), ("Jose\u{301}", "José"), ("\u{212b}", "Å"), ("e\u{323}\u{302}", "ệ")]
        {
            assert_eq!(normalize(written), kept, "{written:?}");
        }
        assert!(matches!(normalize("José"), Cow::Borrowed(_)));
        assert_eq!(normalize("ﬁ ²"), "ﬁ ²", "a text that looks different stays");
    }

    #[test]
    fn prose_has_a_visible_character_and_is_not_too_long() {
        for text in
            ["imagen borrosa", "dos\nlineas\ty mas", " ñ ", "👩\u{200d}⚕\u{fe0f}", "שלום\u{200f}", &"ñ".repeat(500)]
        {
            assert!(is_prose(text, 500), "{text:?}");
        }
        for text in ["\u{200b}", "\u{2800}", "\u{301}", " \u{301}\u{feff}", "a\u{202e}b", "a\u{2066}b", "\u{3000}"] {
            assert!(!is_prose(text, 500), "{text:?}");
        }
        for text in ["", " ", "\n\t", "a\0b", "a\rb", "a\u{1b}[0m", "a\u{85}b", &"x".repeat(501)] {
            assert!(!is_prose(text, 500), "{text:?}");
        }
    }
}
