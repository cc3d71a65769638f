//! Tables of transitions: the states from which an aggregate reaches each of its states.

/// Declares the transitions between the states of a [`choice!`](crate::choice), one row a state, and the refusal of any
/// other transition (a [`BrokenRule`](crate::domain::BrokenRule) with its name and its text for clients).
///
/// Every state has a row: without one, the `match` that the table becomes does not compile. A state to which nothing
/// leads has an empty one.
///
/// ```
/// use seedwork::domain::BrokenRule;
///
/// seedwork::choice! {
///     /// The states of a lamp.
///     pub enum Estado {
///         /// Dark.
///         Apagada,
///         /// Bright.
///         Encendida,
///         /// Of no use any more.
///         Rota,
///     }
///     /// Not a state of a lamp.
///     pub struct EstadoInvalido: "estado-valido", "El estado debe ser uno de los de una lámpara";
/// }
///
/// seedwork::transitions! {
///     Estado {
///         Apagada: [Encendida],
///         Encendida: [Apagada],
///         Rota: [Apagada, Encendida],
///     }
///     /// A change of state that the table does not have.
///     pub struct TransicionInvalida: "transicion-invalida", "Una lámpara no puede pasar de {from} a {to}";
/// }
///
/// let mut estado = Estado::Apagada;
/// assert_eq!(estado.change_to(Estado::Rota), Ok(()));
/// let refused = estado.change_to(Estado::Encendida).unwrap_err();
/// assert_eq!((refused.rule(), estado), ("transicion-invalida", Estado::Rota));
/// assert_eq!(refused.to_string(), "Una lámpara no puede pasar de Rota a Encendida");
/// ```
#[macro_export]
macro_rules! transitions {
    (
        $state:ident { $($to:ident: [$($from:ident),* $(,)?],)+ }
        $(#[$meta:meta])* $vis:vis struct $refusal:ident: $rule:literal, $detail:literal;
    ) => {
        impl $state {
            /// Returns true if the table has the transition from this state to `to`.
            $vis fn can_change_to(self, to: Self) -> bool {
                let from: &[Self] = match to {
                    $(Self::$to => &[$(Self::$from),*],)+
                };
                from.contains(&self)
            }

            /// Changes the state.
            ///
            /// # Errors
            ///
            /// The table does not have the transition; the state stays as it is.
            $vis fn change_to(&mut self, to: Self) -> ::core::result::Result<(), $refusal> {
                if !self.can_change_to(to) {
                    return Err($refusal { from: *self, to });
                }
                *self = to;
                Ok(())
            }
        }

        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis struct $refusal {
            /// The present state.
            $vis from: $state,
            /// The state that cannot be reached from it.
            $vis to: $state,
        }

        impl ::core::fmt::Display for $refusal {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, $detail, from = self.from, to = self.to)
            }
        }

        impl ::core::error::Error for $refusal {}

        impl $crate::domain::BrokenRule for $refusal {
            fn rule(&self) -> &'static str {
                $rule
            }
        }
    };
}
