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
        application::integration::published::ReservaCancelada,
        domain::reserva::{Estado, Reserva, TransicionInvalida, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    #[tokio::test]
    async fn a_cancellation_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Aprobada));
        world.dispatch(CancelarReserva { id: ID, motivo: motivo() }).await.unwrap();
        assert_eq!(world.get::<Reserva>(ID).unwrap().estado(), Estado::Cancelada);
        assert_eq!(
            world.published::<ReservaCancelada>(),
            [ReservaCancelada::from(&hechos(Estado::Cancelada, Some(motivo())))]
        );
    }

    #[tokio::test]
    async fn what_is_paid_cannot_be_given_up() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pagada));
        let refused = world.dispatch(CancelarReserva { id: ID, motivo: motivo() }).await;
        let de_a = TransicionInvalida { from: Estado::Pagada, to: Estado::Cancelada };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn a_reserva_that_does_not_exist_cannot_be_given_up() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(CancelarReserva { id: ID, motivo: motivo() }).await;
        assert_eq!(refused, Err(VuelosFault::NoExiste(ID)));
    }

    #[test]
    fn giving_up_needs_a_motivo() {
        let refused = CancelarReserva::parse(ID, " ").unwrap_err();
        let broken = refused.iter().next().unwrap();
        assert_eq!((broken.field.as_str(), broken.rule), ("motivo", "motivo-valido"));
    }
}
