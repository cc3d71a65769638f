//! Enums with a name for each variant, such as states and kinds. Only the exact name is accepted.

use super::BrokenRule;
use std::str::FromStr;

/// An enum of [`choice!`](crate::choice). Adapters derive from it the schema in the OpenAPI document and the symbols of a
/// published record.
pub trait Choice: Copy + FromStr<Err: BrokenRule> + Send + Sync + 'static {
    /// The name of the enum, unique among all contexts: `EstadoDeIngesta`.
    const NAME: &'static str;
    /// All variants, in order.
    const ALL: &'static [Self];

    /// Returns the position in [`Choice::ALL`].
    fn index(self) -> u32;

    /// Returns the name that is stored, published and displayed.
    fn as_str(self) -> &'static str;
}

/// Declares an enum with a name for each variant (by default the variant's own), and the refusal of any other name: a
/// [`BrokenRule`] with its rule and its text for clients. `as` gives [`Choice::NAME`]; without it, the enum's own name is
/// unique.
///
/// ```
/// use seedwork::domain::{BrokenRule, Choice};
///
/// seedwork::choice! {
///     /// What a client is.
///     pub enum Tipo as TipoDeCliente {
///         /// A person.
///         Natural = "natural",
///         /// A company.
///         Empresa = "empresa",
///     }
///     /// Neither.
///     pub struct TipoInvalido: "tipo-valido", "El tipo debe ser natural o empresa";
/// }
///
/// assert_eq!((Tipo::Natural.as_str(), "empresa".parse()), ("natural", Ok(Tipo::Empresa)));
/// assert_eq!("Natural".parse::<Tipo>().unwrap_err().rule(), "tipo-valido");
/// assert_eq!(Tipo::ALL, [Tipo::Natural, Tipo::Empresa]);
/// assert_eq!(Tipo::NAME, "TipoDeCliente");
/// ```
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])* $vis:vis enum $choice:ident $(as $list:ident)? {
            $($(#[$variant_meta:meta])* $variant:ident $(= $name:literal)?,)+
        }
        $(#[$refusal_meta:meta])* $refusal_vis:vis struct $refusal:ident: $rule:literal, $detail:literal;
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $choice {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $choice {
            /// All variants, in order.
            $vis const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];

            /// Returns the name that is stored, published and displayed.
            $vis fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $crate::choice!(@name $variant $($name)?),)+
                }
            }
        }

        impl $crate::domain::Choice for $choice {
            const NAME: &'static str = $crate::choice!(@name $choice $($list)?);
            const ALL: &'static [Self] = &Self::ALL;

            fn index(self) -> u32 {
                self as u32
            }

            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
        }

        impl ::core::fmt::Display for $choice {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::core::str::FromStr for $choice {
            type Err = $refusal;

            fn from_str(text: &str) -> ::core::result::Result<Self, $refusal> {
                Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or($refusal)
            }
        }

        $crate::refusal! { $(#[$refusal_meta])* $refusal_vis struct $refusal: $rule, $detail; }
    };
    (@name $variant:ident) => { stringify!($variant) };
    (@name $variant:ident $name:literal) => { $name };
    (@name $variant:ident $name:ident) => { stringify!($name) };
}
