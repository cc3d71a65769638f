//! What texts of people may be made of: rules for [`text!`](crate::text), with the lengths that a context chooses.

use std::ops::RangeInclusive;

/// Visible characters, so many of them; spaces only between them. Texts that look the same are the same.
///
/// ```
/// use seedwork::domain::is_visible;
/// assert!(is_visible("Ñandú^José", 1..=64));
/// assert!(!is_visible("", 1..=64) && !is_visible(" 7", 1..=64) && !is_visible("a\u{200b}b", 1..=64));
/// ```
pub fn is_visible(text: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&text.chars().count()) && text.trim() == text && text.chars().all(is_seen)
}

/// Something to read, in lines if need be: not blank, at most so many characters, and no control characters besides.
///
/// ```
/// use seedwork::domain::is_prose;
/// assert!(is_prose("dos\nlineas\ty mas", 500));
/// assert!(!is_prose(" \n", 500) && !is_prose("a\0b", 500));
/// ```
pub fn is_prose(text: &str, most: usize) -> bool {
    text.chars().count() <= most
        && !text.trim().is_empty()
        && !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
}

/// Whether a reader sees the character, or the gap it leaves.
fn is_seen(c: char) -> bool {
    c == ' ' || !(c.is_whitespace() || c.is_control() || is_ignorable(c))
}

/// Characters that leave no mark of their own, Unicode's `Default_Ignorable_Code_Point`: soft hyphen, joiners, direction
/// marks, fillers, variation selectors, tags, byte order mark.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
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
        for text in ["\u{3164}", "a\u{115f}b", "a\u{fe0f}", "a\u{e0041}", "a\u{61c}b", "a\u{180e}b"] {
            assert!(!is_visible(text, 1..=64), "{text:?}");
        }
    }

    #[test]
    fn prose_says_something_and_is_not_too_long() {
        for text in ["imagen borrosa", "dos\nlineas\ty mas", " ñ ", &"ñ".repeat(500)] {
            assert!(is_prose(text, 500), "{text:?}");
        }
        for text in ["", " ", "\n\t", "a\0b", "a\rb", "a\u{1b}[0m", "a\u{85}b", &"x".repeat(501)] {
            assert!(!is_prose(text, 500), "{text:?}");
        }
    }
}
