//! Notes the payment of a reserva.

use crate::{
    application::{Handlers, VuelosFault, VuelosUow},
    domain::reserva::ReservaId,
};
use seedwork::application::{Command, CommandHandler};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagarReserva {
    pub id: ReservaId,
}

impl Command for PagarReserva {
    const NAME: &'static str = "pagar-reserva";
    type Output = ();
    type Error = VuelosFault;
}

impl<U: VuelosUow> CommandHandler<PagarReserva, U> for Handlers {
    async fn handle(&self, command: PagarReserva, uow: &mut U) -> Result<(), VuelosFault> {
        let mut reserva = uow.reserva(command.id).await?;
        reserva.pagar(self.clock.now())?;
        uow.save(reserva);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::integration::published::ReservaPagada,
        domain::reserva::{Estado, Reserva, TransicionInvalida, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    #[tokio::test]
    async fn a_payment_is_kept_and_published() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Aprobada));
        world.dispatch(PagarReserva { id: ID }).await.unwrap();
        assert_eq!(world.get::<Reserva>(ID).unwrap().estado(), Estado::Pagada);
        assert_eq!(world.published::<ReservaPagada>(), [ReservaPagada::from(&hechos(Estado::Pagada, None))]);
    }

    #[tokio::test]
    async fn what_was_never_accepted_cannot_be_paid() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pendiente));
        let refused = world.dispatch(PagarReserva { id: ID }).await;
        let de_a = TransicionInvalida { from: Estado::Pendiente, to: Estado::Pagada };
        assert_eq!((refused, world.published_count()), (Err(de_a.into()), 0));
    }

    #[tokio::test]
    async fn a_reserva_that_does_not_exist_cannot_be_paid() {
        let world = World::new(Handlers::new(FixedClock(AHORA)));
        let refused = world.dispatch(PagarReserva { id: ID }).await;
        assert_eq!(refused, Err(VuelosFault::NoExiste(ID)));
    }
}
