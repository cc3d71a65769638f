//! The refusals of this context's use cases.

use crate::domain::ingesta::{IngestaId, TransicionInvalida};
use seedwork::{
    application::{Fault, StorageError},
    domain::Violations,
};

/// A refusal. `Display` is the text for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Fault)]
pub enum IngestaFault {
    #[error("No existe la ingesta {0}")]
    #[fault(NotFound, "no-encontrado")]
    NoExiste(IngestaId),
    /// The id of a new ingesta is taken.
    #[error("Ya existe una ingesta con ese id")]
    #[fault(AlreadyExists, "id-ya-existe", unique)]
    YaExiste,
    #[error(transparent)]
    Invalida(#[from] Violations),
    /// The ingesta is in a state that forbids it.
    #[error(transparent)]
    Transicion(#[from] TransicionInvalida),
    #[error(transparent)]
    Storage(StorageError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::{Estado, examples::ID};
    use seedwork::application::FaultKind;

    #[test]
    fn a_refusal_has_a_kind_a_slug_and_a_text() {
        let transicion = TransicionInvalida { from: Estado::Finalizada, to: Estado::Alertada };
        for (fault, kind, slug, text) in [
            (
                IngestaFault::NoExiste(ID),
                FaultKind::NotFound,
                "no-encontrado",
                "No existe la ingesta 0198c0de-0000-7000-8000-000000000001",
            ),
            (IngestaFault::YaExiste, FaultKind::AlreadyExists, "id-ya-existe", "Ya existe una ingesta con ese id"),
            (
                transicion.into(),
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
