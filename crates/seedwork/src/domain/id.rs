//! Typed ids: the compiler refuses a `ClienteId` in the place of an `IngestaId`.

use std::{fmt, hash::Hash};
use uuid::Uuid;

/// The id of one type of aggregate: a UUID.
pub trait Id: Copy + Eq + Ord + Hash + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Returns the UUID, for tables and messages.
    fn uuid(self) -> Uuid;
}

/// Declares an id type over UUIDv7. Such ids sort by creation, so inserts touch one end of an index only.
///
/// ```
/// seedwork::id! {
///     /// The id of an ingesta.
///     pub struct IngestaId;
/// }
/// let id = IngestaId::new();
/// assert_eq!(IngestaId::from(uuid::Uuid::from(id)), id);
/// ```
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* $vis:vis struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(::uuid::Uuid);

        impl $name {
            /// Generates a new id.
            $vis fn new() -> Self {
                Self(::uuid::Uuid::now_v7())
            }
        }

        impl ::core::convert::From<::uuid::Uuid> for $name {
            fn from(uuid: ::uuid::Uuid) -> Self {
                Self(uuid)
            }
        }

        impl ::core::convert::From<$name> for ::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl $crate::domain::Id for $name {
            fn uuid(self) -> ::uuid::Uuid {
                self.0
            }
        }
    };
}
