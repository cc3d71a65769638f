//! Why a use case of this context is refused.

use crate::domain::ingesta::{IngestaError, IngestaId};
use seedwork::{
    application::{Fault, StorageError},
    domain::Violations,
};

/// A refusal; `Display` is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Fault)]
pub enum IngestaFault {
    /// There is no such ingesta.
    #[error("No existe la ingesta {0}")]
    #[fault(NotFound, "no-encontrado")]
    NoExiste(IngestaId),
    /// The id that a new ingesta was given is taken.
    #[error("Ya existe una ingesta con ese id")]
    #[fault(AlreadyExists, "id-ya-existe")]
    YaExiste,
    /// The fields of the request break rules.
    #[error(transparent)]
    Invalida(#[from] Violations),
    /// The ingesta, as it is, forbids it.
    #[error(transparent)]
    Regla(#[from] IngestaError),
    /// It could not be read or committed.
    #[error(transparent)]
    Storage(StorageError),
}

impl From<StorageError> for IngestaFault {
    fn from(error: StorageError) -> Self {
        match error {
            // Nothing of an ingesta is unique but its id.
            StorageError::Unique(_) => Self::YaExiste,
            other => Self::Storage(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::{Estado, examples::ID};
    use seedwork::application::FaultKind;

    #[test]
    fn a_refusal_has_a_kind_a_slug_and_a_text() {
        let regla = IngestaError::TransicionInvalida { de: Estado::Finalizada, a: Estado::Alertada };
        for (fault, kind, slug, text) in [
            (
                IngestaFault::NoExiste(ID),
                FaultKind::NotFound,
                "no-encontrado",
                "No existe la ingesta 0198c0de-0000-7000-8000-000000000001",
            ),
            (IngestaFault::YaExiste, FaultKind::AlreadyExists, "id-ya-existe", "Ya existe una ingesta con ese id"),
            (
                regla.into(),
                FaultKind::Rule,
                "transicion-invalida",
                "Una ingesta no puede pasar de Finalizada a Alertada",
            ),
            (StorageError::Unavailable.into(), FaultKind::Unavailable, "no-disponible", "the database does not answer"),
        ] {
            assert_eq!((fault.kind(), fault.slug(), fault.to_string().as_str()), (kind, slug, text));
        }
    }

    #[test]
    fn a_concurrency_conflict_keeps_its_kind_so_that_the_bus_retries() {
        assert_eq!(IngestaFault::from(StorageError::ConcurrencyConflict).kind(), FaultKind::ConcurrencyConflict);
    }
}
