//! Choices of the domain where names are read: in views and bodies.

use crate::domain::Choice;
use serde::{Serialize, Serializer};
use std::str::FromStr;

/// A choice of the domain, which knows no serialization, as its name. Optional choices are `Option<Named<_>>`.
///
/// A view gives it a name of its own, `type EstadoDeIngesta = Named<Estado>`, because the derive of an OpenAPI schema
/// would look for a schema of `Estado`, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<C>(pub C);

impl<C> From<C> for Named<C> {
    fn from(choice: C) -> Self {
        Self(choice)
    }
}

impl<C: Choice> FromStr for Named<C> {
    type Err = C::Err;

    fn from_str(name: &str) -> Result<Self, C::Err> {
        name.parse().map(Self)
    }
}

impl<C: Choice> Serialize for Named<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}
