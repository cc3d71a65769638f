//! Cancels a reserva.

use crate::{
    application::{Handlers, VuelosFault, VuelosUow},
    domain::reserva::{Motivo, ReservaId},
};
use seedwork::{
    application::{Command, CommandHandler},
    domain::Violations,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelarReserva {
    pub id: ReservaId,
    pub motivo: Motivo,
}

impl CancelarReserva {
    /// Parses a command that was sent as text.
    pub fn parse(id: ReservaId, motivo: &str) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let motivo = found.field("motivo", Motivo::parse(motivo));
        found.check(|| Some(Self { id, motivo: motivo? }))
    }
}

impl Command for CancelarReserva {
    const NAME: &'static str = "cancelar-reserva";
    type Output = ();
    type Error = VuelosFault;
}

impl<U: VuelosUow> CommandHandler<CancelarReserva, U> for Handlers {
    async fn handle(&self, command: CancelarReserva, uow: &mut U) -> Result<(), VuelosFault> {
        let mut reserva = uow.reserva(command.id).await?;
        reserva.cancelar(command.motivo, self.clock.now())?;
        uow.save(reserva);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::ReservaCancelada, world::world},
        domain::reserva::{Estado, Reserva, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn a_cancellation_is_kept_and_published() {
        world()
            .given(en(Estado::Aprobada))
            .when(CancelarReserva { id: ID, motivo: motivo() })
            .await
            .then_state(|reserva: &Reserva| reserva.estado() == Estado::Cancelada)
            .then_published([ReservaCancelada::from(&hechos(Estado::Cancelada, Some(motivo())))]);
    }

    #[tokio::test]
    async fn a_paid_reserva_cannot_be_cancelled() {
        let de_a = TransicionInvalida { from: Estado::Pagada, to: Estado::Cancelada };
        world().given(en(Estado::Pagada)).when(CancelarReserva { id: ID, motivo: motivo() }).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn a_reserva_that_does_not_exist_cannot_be_cancelled() {
        world().when(CancelarReserva { id: ID, motivo: motivo() }).await.then_refused(VuelosFault::NoExiste(ID));
    }

    #[test]
    fn a_cancellation_needs_a_motivo() {
        let refused = CancelarReserva::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
