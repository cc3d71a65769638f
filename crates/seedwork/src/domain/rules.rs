//! Rules, and the report of all that were broken at once.

use std::{error::Error, fmt};

/// A refusal by the domain, with the name of the rule that was broken.
pub trait BrokenRule: Error {
    /// The rule's name in kebab-case (`url-valida`). `Display` says, in Spanish, what is wrong.
    fn rule(&self) -> &'static str;
}

/// Declares a refusal by one rule: the rule's name, and what it says to clients.
///
/// ```
/// use seedwork::domain::BrokenRule;
///
/// seedwork::refusal! {
///     /// Somebody who is not grown up.
///     pub struct MenorDeEdad: "mayor-de-edad", "Debe tener 18 años o mas";
/// }
/// assert_eq!((MenorDeEdad.rule(), MenorDeEdad.to_string().as_str()), ("mayor-de-edad", "Debe tener 18 años o mas"));
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

/// One broken rule and the field that broke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path, as the client wrote it: `itinerarios[0].odos[1]`.
    pub field: String,
    /// The rule's name in kebab-case.
    pub rule: &'static str,
    /// What is wrong, in Spanish.
    pub detail: String,
}

/// All rules that an input breaks, told at once. There is no empty one: [`Violations::check`] decides.
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
    /// Starts to look for broken rules.
    pub fn collect() -> Self {
        Self(Vec::new())
    }

    /// Takes the value of a field, or notes what is wrong with it.
    pub fn field<T>(&mut self, field: impl Into<String>, parsed: Result<T, impl BrokenRule>) -> Option<T> {
        parsed.map_err(|broken| self.add(field, &broken)).ok()
    }

    /// Takes a value that has fields of its own, or notes what is wrong inside it, with its field in front.
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

    /// Takes the items of a list, or notes what is wrong inside each, with its place in front.
    ///
    /// ```
    /// # use seedwork::domain::Violations;
    /// # seedwork::refusal! { /// Empty.
    /// # struct Vacio: "no-vacio", "No debe estar vacio"; }
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

    /// Notes a broken rule.
    pub fn add(&mut self, field: impl Into<String>, broken: &impl BrokenRule) {
        self.0.push(Violation { field: field.into(), rule: broken.rule(), detail: broken.to_string() });
    }

    /// Builds the value when every field was right; all that was found, when not.
    ///
    /// # Errors
    ///
    /// The broken rules, at least one. A `build` that answers `None` although nothing was found broke its own contract
    /// (it looks at another value than those of [`field`](Self::field)); this is told as a violation too.
    pub fn check<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Self> {
        if !self.0.is_empty() {
            return Err(self);
        }
        build().ok_or_else(|| {
            Self(vec![Violation {
                field: String::new(),
                rule: "valor-valido",
                detail: "the builder found no value and no broken rule".into(),
            }])
        })
    }

    /// The broken rules, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// The name of the first broken rule.
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
