//! Choices of the domain in published records.

use crate::domain::Choice;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};
use std::borrow::Cow;

/// A choice of the domain as a symbol of an enum in a schema. The enum has one symbol more, the first: its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbol<C> {
    /// The default symbol, or one that the domain does not know: a reader gets it in the place of a choice that came after
    /// its schema. It is never written.
    Unknown,
    /// A choice that the domain knows.
    Known(C),
}

impl<C> From<C> for Symbol<C> {
    fn from(choice: C) -> Self {
        Self::Known(choice)
    }
}

impl<C: Choice> Serialize for Symbol<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => Err(S::Error::custom("an unknown choice cannot be published")),
            Self::Known(choice) => serializer.serialize_unit_variant(C::NAME, 1 + choice.index(), choice.as_str()),
        }
    }
}

impl<'de, C: Choice> Deserialize<'de> for Symbol<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let symbol = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(symbol.parse().map_or(Self::Unknown, Self::Known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, to_value};

    crate::choice! {
        enum State {
            Open,
            Closed = "closed",
        }
        struct NoState: "known-state", "not a state";
    }

    #[test]
    fn a_choice_is_published_and_read_as_its_symbol() {
        for state in State::ALL {
            assert_eq!(to_value(Symbol::Known(state)).unwrap(), state.as_str());
            assert_eq!(from_value::<Symbol<State>>(state.as_str().into()).unwrap(), state.into());
        }
    }

    #[test]
    fn an_unknown_symbol_is_read_and_never_published() {
        for symbol in ["Unknown", "Closed"] {
            assert_eq!(from_value::<Symbol<State>>(symbol.into()).unwrap(), Symbol::Unknown);
        }
        assert!(to_value(Symbol::<State>::Unknown).is_err());
    }
}
