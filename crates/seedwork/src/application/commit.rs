//! What becomes of a unit of work.

use super::{Fault, FaultKind};

/// A unit of work that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed;

/// Why a unit of work was not committed, or why nobody can say whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another change to the same aggregate came first.
    #[error("Otro cambio se hizo antes sobre lo mismo")]
    Conflict,
    /// Something that must be unique is taken: the constraint of the table that says so.
    #[error("Ya existe (restriccion {0})")]
    Unique(String),
    /// PostgreSQL refuses the data themselves: the program let through what it should not have.
    #[error("Los datos no se pueden guardar")]
    Invalid(String),
    /// A message or the whole unit is larger than can be sent or kept.
    #[error("Es demasiado grande: {bytes} bytes, y caben {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest that is accepted.
        limit: usize,
    },
    /// The message that the unit is the effect of has had its effect already.
    #[error("El mensaje ya se atendio")]
    Duplicate,
    /// An earlier message of the same key is parked: this one must wait behind it.
    #[error("Un mensaje anterior de la misma clave espera")]
    Behind,
    /// A message does not fit its schema, or events caused events without end: a defect of the program.
    #[error("El servicio tiene un defecto")]
    Defect(String),
    /// The handler took longer than it may.
    #[error("Se tardo demasiado")]
    TimedOut,
    /// Too many units are waiting.
    #[error("Hay demasiadas peticiones en espera")]
    Overloaded,
    /// The database does not answer in time; nothing was changed.
    #[error("La base de datos no responde")]
    Unavailable,
    /// The database did not say in time whether it was done.
    #[error("No se sabe si la peticion se cumplio")]
    Unknown,
}

impl Fault for CommitError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Conflict => FaultKind::Race,
            Self::Unique(_) => FaultKind::Conflict,
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
            Self::Conflict => "conflicto-de-version",
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
}
