//! Fields that are texts of a type of the domain, which knows no serialization.

use super::explain::refusal;
use crate::domain::BrokenRule;
use serde::{Deserialize, Deserializer};
use std::{borrow::Cow, str::FromStr};

/// Reads a field that may be missing and, when it is there, must be the name of a `T`:
/// `#[serde(default, deserialize_with = "optional_text")]`. Anything else is malformed (400), with the rule's name.
///
/// # Errors
///
/// The text that is there is not the name of a `T`.
pub fn optional_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: BrokenRule>,
{
    let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(|broken: T::Err| refusal(broken.rule(), &broken))).transpose()
}
