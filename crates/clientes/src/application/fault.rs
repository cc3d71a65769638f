//! The refusals of this context's use cases.

use crate::domain::{
    cliente::{self, ClienteId},
    expediente,
};
use seedwork::{
    application::{Fault, StorageError},
    domain::Violations,
};

/// A refusal. `Display` is the text for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Fault)]
pub enum ClientesFault {
    #[error("No existe el cliente {0}")]
    #[fault(NotFound, "no-encontrado")]
    NoExiste(ClienteId),
    #[error("No existe el expediente del cliente {0}")]
    #[fault(NotFound, "no-encontrado")]
    SinExpediente(ClienteId),
    /// The id of a new cliente is taken.
    #[error("Ya existe un cliente con ese id")]
    #[fault(AlreadyExists, "id-ya-existe", unique)]
    YaExiste,
    #[error("Ya hay un cliente con ese email")]
    #[fault(AlreadyExists, "email-registrado", unique = "clientes_email")]
    EmailRegistrado,
    #[error("Ya hay un cliente con ese documento")]
    #[fault(AlreadyExists, "documento-registrado", unique = "clientes_documento")]
    DocumentoRegistrado,
    #[error(transparent)]
    Invalido(#[from] Violations),
    /// The cliente is in a state that forbids it.
    #[error(transparent)]
    Cliente(#[from] cliente::TransicionInvalida),
    /// The expediente is in a state that forbids it.
    #[error(transparent)]
    Expediente(#[from] expediente::TransicionInvalida),
    #[error(transparent)]
    Storage(StorageError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::{Estado, TransicionInvalida, examples::ID};
    use seedwork::application::FaultKind;

    #[test]
    fn a_refusal_has_a_kind_a_slug_and_a_text() {
        let transicion = TransicionInvalida { from: Estado::Desactivado, to: Estado::Desactivado };
        for (fault, kind, slug, text) in [
            (
                ClientesFault::NoExiste(ID),
                FaultKind::NotFound,
                "no-encontrado",
                "No existe el cliente 0198c0de-0000-7000-8000-000000000001",
            ),
            (
                transicion.into(),
                FaultKind::Rule,
                "transicion-invalida",
                "Un cliente no puede pasar de Desactivado a Desactivado",
            ),
            (StorageError::Unavailable.into(), FaultKind::Unavailable, "no-disponible", "the database does not answer"),
        ] {
            assert_eq!((fault.kind(), fault.slug(), fault.to_string().as_str()), (kind, slug, text));
        }
    }

    #[test]
    fn a_taken_value_is_named() {
        for (constraint, fault, slug) in [
            ("clientes_email", ClientesFault::EmailRegistrado, "email-registrado"),
            ("clientes_documento", ClientesFault::DocumentoRegistrado, "documento-registrado"),
            ("clientes_pkey", ClientesFault::YaExiste, "id-ya-existe"),
        ] {
            assert_eq!(ClientesFault::from(StorageError::Unique(constraint.into())), fault);
            assert_eq!((fault.kind(), fault.slug()), (FaultKind::AlreadyExists, slug));
        }
    }

    #[test]
    fn a_concurrency_conflict_keeps_its_kind_so_that_the_bus_retries() {
        assert_eq!(ClientesFault::from(StorageError::ConcurrencyConflict).kind(), FaultKind::ConcurrencyConflict);
    }
}
