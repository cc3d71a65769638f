//! Rules about texts, checked with many texts.

/// Asserts that a rule accepts (`expected`) or refuses all texts.
///
/// # Panics
///
/// The rule decides otherwise about a text. The message names it.
#[track_caller]
pub fn check<T: AsRef<str>>(rule: fn(&str) -> bool, expected: bool, texts: impl IntoIterator<Item = T>) {
    for text in texts {
        let text = text.as_ref();
        assert_eq!(rule(text), expected, "{text:?}");
    }
}
