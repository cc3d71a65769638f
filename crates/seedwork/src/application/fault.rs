//! Refusals, in terms that every edge (HTTP, broker, retries) can decide on.

use super::StorageError;
use crate::domain::{BrokenRule, Violations};
use std::error::Error;

/// The kind of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The aggregate does not exist.
    NotFound,
    /// A rule of the business forbids it.
    Rule,
    /// Another change to the same aggregate was committed first. A retry sees it.
    ConcurrencyConflict,
    /// A value that must be unique is taken.
    AlreadyExists,
    /// The message was handled before. Nothing is left to do.
    Duplicate,
    /// An earlier message of the same key is parked.
    Behind,
    /// It exceeds a limit of size.
    TooLarge,
    /// It exceeded its time limit; nothing was changed.
    TimedOut,
    /// Too much is waiting; a retry succeeds later.
    Overloaded,
    /// The database does not answer; nothing was changed.
    Unavailable,
    /// The outcome of the commit is unknown.
    Unknown,
    /// The program has a defect: no caller can do anything about it.
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
///     #[error("Ya hay una cita a esa hora")]
///     #[fault(AlreadyExists, "hora-ocupada", unique = "citas_hora")]
///     HoraOcupada,
///     #[error(transparent)]
///     Invalida(#[from] Violations),
///     #[error(transparent)]
///     Storage(StorageError),
/// }
///
/// assert_eq!(CitasFault::from(StorageError::Unique("citas_hora".into())).slug(), "hora-ocupada");
/// assert_eq!((CitasFault::NoExiste.kind(), CitasFault::NoExiste.slug()), (FaultKind::NotFound, "no-encontrado"));
/// assert_eq!(CitasFault::from(StorageError::ConcurrencyConflict).kind(), FaultKind::ConcurrencyConflict);
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

    /// Returns the error of the engine that it passes on, if it does. Its text is English: the edge has the one for
    /// clients.
    fn storage_error(&self) -> Option<&StorageError> {
        None
    }
}

/// A broken rule of the domain is a refusal.
impl<R: BrokenRule + Send + Sync + 'static> Fault for R {
    fn kind(&self) -> FaultKind {
        FaultKind::Rule
    }

    fn slug(&self) -> &'static str {
        self.rule()
    }
}

/// Fields that break rules are a refusal before any use case runs.
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

impl Fault for StorageError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::ConcurrencyConflict => FaultKind::ConcurrencyConflict,
            Self::Unique(_) => FaultKind::AlreadyExists,
            Self::Duplicate => FaultKind::Duplicate,
            Self::Behind => FaultKind::Behind,
            Self::TooLarge { .. } => FaultKind::TooLarge,
            Self::TimedOut => FaultKind::TimedOut,
            Self::Overloaded => FaultKind::Overloaded,
            Self::Unavailable => FaultKind::Unavailable,
            Self::Unknown => FaultKind::Unknown,
            Self::Invalid(_) | Self::Defect(_) => FaultKind::Defect,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::ConcurrencyConflict => "conflicto-de-version",
            Self::Unique(_) => "id-ya-existe",
            Self::Duplicate => "mensaje-repetido",
            Self::Behind => "mensaje-en-espera",
            Self::TooLarge { .. } => "demasiado-grande",
            Self::Overloaded => "sobrecarga",
            Self::TimedOut | Self::Unavailable => "no-disponible",
            Self::Unknown => "resultado-desconocido",
            Self::Invalid(_) | Self::Defect(_) => "defecto",
        }
    }

    fn storage_error(&self) -> Option<&StorageError> {
        Some(self)
    }
}
