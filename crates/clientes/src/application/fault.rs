//! Why a use case of this context is refused.

use crate::domain::{
    cliente::{ClienteError, ClienteId},
    expediente::ExpedienteError,
};
use seedwork::{
    application::{Fault, StorageError},
    domain::Violations,
};

/// A refusal; `Display` is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Fault)]
pub enum ClientesFault {
    /// There is no such cliente.
    #[error("No existe el cliente {0}")]
    #[fault(NotFound, "no-encontrado")]
    NoExiste(ClienteId),
    /// There is no expediente of such a cliente.
    #[error("No existe el expediente del cliente {0}")]
    #[fault(NotFound, "no-encontrado")]
    SinExpediente(ClienteId),
    /// The id that a new cliente was given is taken.
    #[error("Ya existe un cliente con ese id")]
    #[fault(AlreadyExists, "id-ya-existe")]
    YaExiste,
    /// Another cliente has this email.
    #[error("Ya hay un cliente con ese email")]
    #[fault(AlreadyExists, "email-registrado")]
    EmailRegistrado,
    /// Another cliente has this document.
    #[error("Ya hay un cliente con ese documento")]
    #[fault(AlreadyExists, "documento-registrado")]
    DocumentoRegistrado,
    /// The fields of the request break rules.
    #[error(transparent)]
    Invalido(#[from] Violations),
    /// The cliente, as it is, forbids it.
    #[error(transparent)]
    Cliente(#[from] ClienteError),
    /// The expediente, as it is, forbids it.
    #[error(transparent)]
    Expediente(#[from] ExpedienteError),
    /// It could not be read or committed.
    #[error(transparent)]
    Storage(StorageError),
}

/// What is unique is for the tables to say, among all clientes at once. These are the names of their constraints.
impl From<StorageError> for ClientesFault {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unique(constraint) => match constraint.as_str() {
                "clientes_email" => Self::EmailRegistrado,
                "clientes_documento" => Self::DocumentoRegistrado,
                _ => Self::YaExiste,
            },
            other => Self::Storage(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::{Estado, examples::ID};
    use seedwork::application::FaultKind;

    #[test]
    fn a_refusal_has_a_kind_a_slug_and_a_text() {
        let regla = ClienteError::TransicionInvalida { de: Estado::Desactivado, a: Estado::Desactivado };
        for (fault, kind, slug, text) in [
            (
                ClientesFault::NoExiste(ID),
                FaultKind::NotFound,
                "no-encontrado",
                "No existe el cliente 0198c0de-0000-7000-8000-000000000001",
            ),
            (
                regla.into(),
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
    fn what_is_taken_is_named() {
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
