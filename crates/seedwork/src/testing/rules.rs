//! Rules over texts, tried on many.

/// Fails with the first text that the rule sees differently.
///
/// # Panics
///
/// There is one.
#[track_caller]
pub fn check<T: AsRef<str>>(rule: fn(&str) -> bool, expected: bool, texts: impl IntoIterator<Item = T>) {
    for text in texts {
        let text = text.as_ref();
        assert_eq!(rule(text), expected, "{text:?}");
    }
}
