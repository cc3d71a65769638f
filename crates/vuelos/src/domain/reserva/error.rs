//! Why a reserva refuses a change.

use super::Estado;
use seedwork::domain::BrokenRule;

/// A change that the business forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservaError {
    /// The table of transitions has no way from here to there.
    #[error("Una reserva no puede pasar de {de} a {a}")]
    TransicionInvalida {
        /// The state it is in.
        de: Estado,
        /// The state it was to go to.
        a: Estado,
    },
}

impl BrokenRule for ReservaError {
    fn rule(&self) -> &'static str {
        match self {
            Self::TransicionInvalida { .. } => "transicion-invalida",
        }
    }
}
