//! The set of reservas that wait for an answer.

use super::{ClienteId, Estado, Reserva};
use seedwork::domain::Specification;

/// The reservas of a cliente that are Pendiente.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendientesDe(pub ClienteId);

impl Specification for PendientesDe {
    type Of = Reserva;

    fn is_satisfied_by(&self, reserva: &Reserva) -> bool {
        reserva.estado() == Estado::Pendiente && reserva.datos().cliente == Some(self.0)
    }
}
