//! Accepts a reserva.

use crate::{
    application::{Handlers, VuelosFault, VuelosUow},
    domain::reserva::ReservaId,
};
use seedwork::application::{Command, CommandHandler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AprobarReserva {
    pub id: ReservaId,
}

impl Command for AprobarReserva {
    const NAME: &'static str = "aprobar-reserva";
    type Output = ();
    type Error = VuelosFault;
}

impl<U: VuelosUow> CommandHandler<AprobarReserva, U> for Handlers {
    async fn handle(&self, command: AprobarReserva, uow: &mut U) -> Result<(), VuelosFault> {
        let mut reserva = uow.reserva(command.id).await?;
        reserva.aprobar(self.clock.now())?;
        uow.save(reserva);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::integration::published::ReservaAprobada,
        domain::reserva::{Estado, Reserva, TransicionInvalida, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    #[tokio::test]
    async fn an_approval_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pendiente));
        world.dispatch(AprobarReserva { id: ID }).await.unwrap();
        assert_eq!(world.get::<Reserva>(ID).unwrap().estado(), Estado::Aprobada);
        assert_eq!(world.published::<ReservaAprobada>(), [ReservaAprobada::from(&hechos(Estado::Aprobada, None))]);
    }

    #[tokio::test]
    async fn what_was_given_up_cannot_be_accepted() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Cancelada));
        let refused = world.dispatch(AprobarReserva { id: ID }).await;
        let de_a = TransicionInvalida { from: Estado::Cancelada, to: Estado::Aprobada };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn a_reserva_that_does_not_exist_cannot_be_accepted() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(AprobarReserva { id: ID }).await;
        assert_eq!(refused, Err(VuelosFault::NoExiste(ID)));
    }
}
