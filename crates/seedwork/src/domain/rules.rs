//! Rules of the business, and the report of all broken rules at once.

use std::{error::Error, fmt};

/// A refusal by the domain, with the name of the broken rule.
pub trait BrokenRule: Error {
    /// Returns the name of the rule in kebab-case (`url-valida`). `Display` is the text for clients, in Spanish.
    fn rule(&self) -> &'static str;
}

/// Declares a refusal by one rule, with the name of the rule and the text for clients.
///
/// ```
/// use seedwork::domain::BrokenRule;
///
/// seedwork::refusal! {
///     /// A person younger than 18.
///     pub struct MenorDeEdad: "mayor-de-edad", "Debe tener 18 años o más";
/// }
/// assert_eq!((MenorDeEdad.rule(), MenorDeEdad.to_string().as_str()), ("mayor-de-edad", "Debe tener 18 años o más"));
/// ```
#[macro_export]
macro_rules! refusal {
    ($(#[$meta:meta])* $vis:vis struct $refusal:ident: $rule:literal, $detail:literal;) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis struct $refusal;

        impl ::core::fmt::Display for $refusal {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str($detail)
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

/// A broken rule and the field that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, as the client wrote it: `itinerarios[0].odos[1]`.
    pub field: String,
    /// The name of the rule in kebab-case.
    pub rule: &'static str,
    /// The text for clients, in Spanish.
    pub detail: String,
}

/// All rules that an input breaks. It is never empty once [`check`](Violations::check) has returned it.
///
/// ```
/// use seedwork::domain::{BrokenRule, Violations};
/// #[derive(Debug, thiserror::Error)]
/// #[error("debe ser par")]
/// struct Impar;
/// impl BrokenRule for Impar {
///     fn rule(&self) -> &'static str { "par" }
/// }
/// let mut found = Violations::collect();
/// let a = found.field("a", Ok::<_, Impar>(2));
/// let b = found.field("b", Err::<i32, _>(Impar));
/// let refused = found.check(|| Some((a?, b?))).unwrap_err();
/// assert_eq!(refused.iter().next().unwrap().field, "b");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Starts with no broken rule.
    pub fn collect() -> Self {
        Self(Vec::new())
    }

    /// Returns the value of a field, or adds the rule that it breaks.
    pub fn field<T>(&mut self, field: impl Into<String>, parsed: Result<T, impl BrokenRule>) -> Option<T> {
        parsed.map_err(|broken| self.add(field, &broken)).ok()
    }

    /// Returns a value with fields of its own, or adds the rules that these break, each path prefixed with `field`.
    pub fn inside<T>(&mut self, field: impl fmt::Display, parsed: Result<T, Self>) -> Option<T> {
        let Self(found) = match parsed {
            Ok(value) => return Some(value),
            Err(refused) => refused,
        };
        self.0.extend(found.into_iter().map(|broken| {
            let dot = if broken.field.is_empty() || broken.field.starts_with('[') { "" } else { "." };
            Violation { field: format!("{field}{dot}{}", broken.field), ..broken }
        }));
        None
    }

    /// Returns the items of a list, or adds the rules that they break, each path prefixed with `field[n]`.
    ///
    /// ```
    /// # use seedwork::domain::Violations;
    /// # seedwork::refusal! { /// Empty.
    /// # struct Vacio: "no-vacio", "No debe estar vacío"; }
    /// fn parse(text: &str) -> Result<&str, Violations> {
    ///     let mut found = Violations::collect();
    ///     let text = found.field("codigo", Some(text).filter(|text| !text.is_empty()).ok_or(Vacio));
    ///     found.check(|| text)
    /// }
    /// let mut found = Violations::collect();
    /// let legs = found.each("legs", ["BOG", ""], parse);
    /// let refused = found.check(|| legs).unwrap_err();
    /// assert_eq!(refused.iter().next().unwrap().field, "legs[1].codigo");
    /// ```
    pub fn each<I: IntoIterator, T>(
        &mut self,
        field: &str,
        items: I,
        parse: impl Fn(I::Item) -> Result<T, Self>,
    ) -> Option<Vec<T>> {
        let items = items.into_iter().enumerate();
        let parsed: Vec<Option<T>> =
            items.map(|(n, item)| self.inside(format_args!("{field}[{n}]"), parse(item))).collect();
        parsed.into_iter().collect()
    }

    /// Adds a broken rule.
    pub fn add(&mut self, field: impl Into<String>, broken: &impl BrokenRule) {
        self.0.push(Violation { field: field.into(), rule: broken.rule(), detail: broken.to_string() });
    }

    /// Builds the value if no rule is broken.
    ///
    /// # Errors
    ///
    /// The broken rules, at least one. A `build` that returns `None` although no rule is broken has a defect: it reads
    /// a value that did not come from [`field`](Self::field). This is a violation, too.
    pub fn check<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Self> {
        if !self.0.is_empty() {
            return Err(self);
        }
        build().ok_or_else(|| {
            Self(vec![Violation {
                field: String::new(),
                rule: "valor-valido",
                detail: "no value was built, although no rule is broken".into(),
            }])
        })
    }

    /// Returns the broken rules in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// Returns the name of the first broken rule.
    pub fn rule(&self) -> &'static str {
        self.0.first().map_or("valor-valido", |first| first.rule)
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for violation in &self.0 {
            write!(f, "{separator}{}: {}", violation.field, violation.detail)?;
            separator = "; ";
        }
        Ok(())
    }
}

impl Error for Violations {}
