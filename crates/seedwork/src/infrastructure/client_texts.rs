//! The Spanish texts that clients read for errors of the engine, over HTTP and in answers through the broker.

use crate::application::{Fault, StorageError};

/// Returns the text of a refusal for clients. The business has its own; errors of the engine have theirs here.
pub(crate) fn detail(fault: &impl Fault) -> String {
    fault.storage_error().map_or_else(|| fault.to_string(), storage_error)
}

fn storage_error(error: &StorageError) -> String {
    let text = match error {
        StorageError::Unique(constraint) => return format!("Ya existe (restriccion {constraint})"),
        StorageError::TooLarge { bytes, limit } => {
            return format!("Es demasiado grande: {bytes} bytes, y caben {limit}");
        }
        StorageError::Conflict => "Otro cambio se hizo antes sobre lo mismo",
        StorageError::Invalid(_) => "Los datos no se pueden guardar",
        StorageError::Duplicate => "El mensaje ya se atendio",
        StorageError::Behind => "Un mensaje anterior de la misma clave espera",
        StorageError::Defect(_) => "El servicio tiene un defecto",
        StorageError::TimedOut => "Se tardo demasiado",
        StorageError::Overloaded => "Hay demasiadas peticiones en espera",
        StorageError::Unavailable => "La base de datos no responde",
        StorageError::Unknown => "No se sabe si la peticion se cumplio",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BrokenRule;

    crate::refusal! {
        /// A rule of a business.
        struct Odd: "par", "Debe ser par";
    }

    #[test]
    fn an_error_of_the_engine_has_a_text_for_clients_that_hides_its_cause() {
        for (error, text) in [
            (StorageError::Unavailable, "La base de datos no responde"),
            (StorageError::Unique("clientes_email".into()), "Ya existe (restriccion clientes_email)"),
            (StorageError::TooLarge { bytes: 2, limit: 1 }, "Es demasiado grande: 2 bytes, y caben 1"),
            (StorageError::Defect("a column is missing".into()), "El servicio tiene un defecto"),
            (StorageError::Invalid("numeric out of range".into()), "Los datos no se pueden guardar"),
        ] {
            assert_eq!(detail(&error), text);
        }
    }

    #[test]
    fn a_refusal_of_the_business_keeps_its_own_text() {
        assert_eq!((detail(&Odd).as_str(), Odd.rule()), ("Debe ser par", "par"));
    }
}
