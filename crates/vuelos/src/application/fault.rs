//! The refusals of this context's use cases.

use crate::domain::reserva::{ReservaId, TransicionInvalida};
use seedwork::{
    application::{Fault, StorageError},
    domain::Violations,
};

/// A refusal. `Display` is the text for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Fault)]
pub enum VuelosFault {
    #[error("No existe la reserva {0}")]
    #[fault(NotFound, "no-encontrado")]
    NoExiste(ReservaId),
    /// The id of a new reserva is taken.
    #[error("Ya existe una reserva con ese id")]
    #[fault(AlreadyExists, "id-ya-existe", unique)]
    YaExiste,
    #[error(transparent)]
    Invalida(#[from] Violations),
    /// The reserva is in a state that forbids it.
    #[error(transparent)]
    Transicion(#[from] TransicionInvalida),
    #[error(transparent)]
    Storage(StorageError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reserva::{Estado, examples::ID};
    use seedwork::application::FaultKind;

    #[test]
    fn a_refusal_has_a_kind_a_slug_and_a_text() {
        let transicion = TransicionInvalida { from: Estado::Pagada, to: Estado::Cancelada };
        for (fault, kind, slug, text) in [
            (
                VuelosFault::NoExiste(ID),
                FaultKind::NotFound,
                "no-encontrado",
                "No existe la reserva 0198c0de-0000-7000-8000-000000000001",
            ),
            (VuelosFault::YaExiste, FaultKind::AlreadyExists, "id-ya-existe", "Ya existe una reserva con ese id"),
            (
                transicion.into(),
                FaultKind::Rule,
                "transicion-invalida",
                "Una reserva no puede pasar de Pagada a Cancelada",
            ),
            (StorageError::Unavailable.into(), FaultKind::Unavailable, "no-disponible", "the database does not answer"),
        ] {
            assert_eq!((fault.kind(), fault.slug(), fault.to_string().as_str()), (kind, slug, text));
        }
    }

    #[test]
    fn a_concurrency_conflict_keeps_its_kind_so_that_the_bus_retries() {
        assert_eq!(VuelosFault::from(StorageError::ConcurrencyConflict).kind(), FaultKind::ConcurrencyConflict);
    }
}
