//! Why a use case of this context is refused.

use crate::domain::reserva::{ReservaError, ReservaId};
use seedwork::{
    application::{Fault, StorageError},
    domain::Violations,
};

/// A refusal; `Display` is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Fault)]
pub enum VuelosFault {
    /// There is no such reserva.
    #[error("No existe la reserva {0}")]
    #[fault(NotFound, "no-encontrado")]
    NoExiste(ReservaId),
    /// The id that a new reserva was given is taken.
    #[error("Ya existe una reserva con ese id")]
    #[fault(AlreadyExists, "id-ya-existe")]
    YaExiste,
    /// The fields of the request break rules.
    #[error(transparent)]
    Invalida(#[from] Violations),
    /// The reserva, as it is, forbids it.
    #[error(transparent)]
    Regla(#[from] ReservaError),
    /// It could not be read or committed.
    #[error(transparent)]
    Storage(StorageError),
}

impl From<StorageError> for VuelosFault {
    fn from(error: StorageError) -> Self {
        match error {
            // Nothing of a reserva is unique but its id.
            StorageError::Unique(_) => Self::YaExiste,
            other => Self::Storage(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reserva::{Estado, examples::ID};
    use seedwork::application::FaultKind;

    #[test]
    fn a_refusal_has_a_kind_a_slug_and_a_text() {
        let regla = ReservaError::TransicionInvalida { de: Estado::Pagada, a: Estado::Cancelada };
        for (fault, kind, slug, text) in [
            (
                VuelosFault::NoExiste(ID),
                FaultKind::NotFound,
                "no-encontrado",
                "No existe la reserva 0198c0de-0000-7000-8000-000000000001",
            ),
            (VuelosFault::YaExiste, FaultKind::AlreadyExists, "id-ya-existe", "Ya existe una reserva con ese id"),
            (regla.into(), FaultKind::Rule, "transicion-invalida", "Una reserva no puede pasar de Pagada a Cancelada"),
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
