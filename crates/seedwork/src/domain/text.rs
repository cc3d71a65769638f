//! Typed texts: the compiler refuses a `Motivo` in the place of a `UrlImagen`, and no invalid one can exist.

/// Declares a text that satisfies a rule, and the refusal by that rule: a [`BrokenRule`](crate::domain::BrokenRule)
/// with its name and its text for clients. `Debug` hides a `personal` text, so no log can contain it by accident.
///
/// A text is [normalized](crate::domain::normalize) before the rule is applied. A `verbatim` text is not: its exact
/// characters matter elsewhere, as those of a URL do.
///
/// ```
/// use seedwork::domain::BrokenRule;
///
/// seedwork::text! {
///     /// The identifier of a patient.
///     pub struct IdPaciente: personal, checked by is_short;
///     /// Not an identifier of a patient.
///     pub struct IdPacienteInvalido: "id-paciente-valido", "El id del paciente debe ser corto";
/// }
///
/// fn is_short(text: &str) -> bool {
///     (1..=8).contains(&text.len())
/// }
///
/// let paciente = IdPaciente::parse("PAC 0042").unwrap();
/// assert_eq!(paciente.as_str(), "PAC 0042");
/// assert_eq!(IdPaciente::parse("Jose\u{301}"), IdPaciente::parse("José"));
/// assert_eq!(format!("{paciente:?}"), "IdPaciente(…)");
/// let refused = IdPaciente::parse("").unwrap_err();
/// assert_eq!((refused.rule(), refused.to_string().as_str()), ("id-paciente-valido", "El id del paciente debe ser corto"));
/// ```
#[macro_export]
macro_rules! text {
    (
        $(#[$meta:meta])* $vis:vis struct $value:ident: personal, checked by $check:path;
        $($refusal:tt)*
    ) => {
        $crate::text!(@text $(#[$meta])* $vis $value, $check, $crate::domain::normalize; $($refusal)*);

        impl ::core::fmt::Debug for $value {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(concat!(stringify!($value), "(…)"))
            }
        }
    };
    (
        $(#[$meta:meta])* $vis:vis struct $value:ident: verbatim, checked by $check:path;
        $($refusal:tt)*
    ) => {
        $crate::text!(
            @text #[derive(Debug)] $(#[$meta])* $vis $value, $check, ::std::borrow::Cow::Borrowed; $($refusal)*
        );
    };
    (
        $(#[$meta:meta])* $vis:vis struct $value:ident: checked by $check:path;
        $($refusal:tt)*
    ) => {
        $crate::text!(@text #[derive(Debug)] $(#[$meta])* $vis $value, $check, $crate::domain::normalize; $($refusal)*);
    };
    (
        @text $(#[$value_meta:meta])* $vis:vis $value:ident, $check:path, $normalize:path;
        $(#[$refusal_meta:meta])* $refusal_vis:vis struct $refusal:ident: $rule:literal, $detail:literal;
    ) => {
        $(#[$value_meta])*
        #[derive(Clone, PartialEq, Eq)]
        $vis struct $value(::std::string::String);

        impl $value {
            /// Parses the text.
            ///
            /// # Errors
            ///
            /// The text breaks the rule.
            $vis fn parse(text: &str) -> ::core::result::Result<Self, $refusal> {
                let text: ::std::borrow::Cow<'_, str> = $normalize(text);
                if $check(&text) { Ok(Self(text.into_owned())) } else { Err($refusal) }
            }

            /// Returns the text.
            $vis fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::core::fmt::Display for $value {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(&self.0)
            }
        }

        $crate::refusal! { $(#[$refusal_meta])* $refusal_vis struct $refusal: $rule, $detail; }
    };
}
