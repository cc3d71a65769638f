//! Refusals, in terms that every edge (HTTP, broker, retries) can decide on.

use super::StorageError;
use crate::domain::{BrokenRule, Violations};
use std::error::Error;

/// The kind of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The thing does not exist.
    NotFound,
    /// A rule of the business forbids it.
    Rule,
    /// Another change to the same thing came first; the same request, run again, sees it.
    Race,
    /// Something that must be unique is taken.
    Conflict,
    /// The message had its effect already: there is nothing more to do.
    Duplicate,
    /// The message must wait behind an earlier one of its key.
    Behind,
    /// It is larger than can be kept or sent.
    TooLarge,
    /// It took longer than it may; nothing was changed.
    TimedOut,
    /// Too much is waiting; the same request succeeds later.
    Overloaded,
    /// The database does not answer; nothing was changed.
    Unavailable,
    /// The database did not say whether it was done.
    Unknown,
    /// The program is wrong: nobody who asks can do anything about it.
    Defect,
}

/// A refusal. `Display` is the text for clients, in Spanish, unless it passes on a [`StorageError`].
///
/// The refusals of a context are an enum that derives it: each variant has a kind and a slug, or holds another fault.
///
/// ```
/// use seedwork::{application::{Fault, FaultKind, StorageError}, domain::Violations};
///
/// #[derive(Debug, thiserror::Error, Fault)]
/// enum CitasFault {
///     #[error("No existe la cita")]
///     #[fault(NotFound, "no-encontrado")]
///     NoExiste,
///     #[error(transparent)]
///     Invalida(#[from] Violations),
///     #[error(transparent)]
///     Storage(#[from] StorageError),
/// }
///
/// assert_eq!((CitasFault::NoExiste.kind(), CitasFault::NoExiste.slug()), (FaultKind::NotFound, "no-encontrado"));
/// assert_eq!(CitasFault::from(StorageError::Conflict).kind(), FaultKind::Race);
/// ```
pub trait Fault: Error + Send + Sync + 'static {
    /// Returns its kind.
    fn kind(&self) -> FaultKind;

    /// Returns its name in kebab-case: the name of a rule, or one that all contexts share.
    fn slug(&self) -> &'static str;

    /// Returns the fields that break rules, if there are any.
    fn violations(&self) -> Option<&Violations> {
        None
    }

    /// Returns the error of the engine that it passes on, if it does. Its text is English: the edge has the one for clients.
    fn storage_error(&self) -> Option<&StorageError> {
        None
    }
}

/// What the domain refuses.
impl<R: BrokenRule + Send + Sync + 'static> Fault for R {
    fn kind(&self) -> FaultKind {
        FaultKind::Rule
    }

    fn slug(&self) -> &'static str {
        self.rule()
    }
}

/// Fields that break rules, refused before there is a use case to refuse them.
impl Fault for Violations {
    fn kind(&self) -> FaultKind {
        FaultKind::Rule
    }

    fn slug(&self) -> &'static str {
        self.rule()
    }

    fn violations(&self) -> Option<&Violations> {
        Some(self)
    }
}
