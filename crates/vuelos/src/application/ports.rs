//! The reads and writes that the use cases of this context need of a unit of work.

use super::VuelosFault;
use crate::domain::reserva::{ClienteId, PendientesDe, Reserva, ReservaId};
use seedwork::application::{Find, Load, Save, UnitOfWork};

/// The reservas, as a unit of work sees them.
pub trait Reservas: Load<Reserva> + Find<PendientesDe> {
    /// Returns the reserva with this id, or [`VuelosFault::NoExiste`].
    fn reserva(&mut self, id: ReservaId) -> impl Future<Output = Result<Reserva, VuelosFault>> + Send {
        async move { self.load(id).await?.ok_or(VuelosFault::NoExiste(id)) }
    }

    /// Returns the reservas of a cliente that are Pendiente, or as many as one unit of work may change (see [`Find`]).
    fn reservas_pendientes(
        &mut self,
        cliente: ClienteId,
    ) -> impl Future<Output = Result<Vec<Reserva>, VuelosFault>> + Send {
        async move { Ok(self.find(PendientesDe(cliente)).await?) }
    }
}

impl<U: Load<Reserva> + Find<PendientesDe>> Reservas for U {}

/// A unit of work of this context.
pub trait VuelosUow: UnitOfWork + Reservas + Save<Reserva> {}

impl<U: UnitOfWork + Reservas + Save<Reserva>> VuelosUow for U {}
