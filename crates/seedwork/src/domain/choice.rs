//! Enums with a name for each variant, such as states and kinds. Only the exact name is accepted.

/// Declares an enum with a name for each variant (by default the variant's own), and the refusal of any other name: a
/// [`BrokenRule`](crate::domain::BrokenRule) with its rule and its text for clients.
///
/// ```
/// use seedwork::domain::BrokenRule;
///
/// seedwork::choice! {
///     /// What a client is.
///     pub enum Tipo {
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
/// ```
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])* $vis:vis enum $choice:ident {
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
}
