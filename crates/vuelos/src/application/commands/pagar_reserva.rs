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
        application::{integration::published::ReservaPagada, world::world},
        domain::reserva::{Estado, Reserva, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn a_payment_is_kept_and_published() {
        world()
            .given(en(Estado::Aprobada))
            .when(PagarReserva { id: ID })
            .await
            .then_state(|reserva: &Reserva| reserva.estado() == Estado::Pagada)
            .then_published([ReservaPagada::from(&hechos(Estado::Pagada, None))]);
    }

    #[tokio::test]
    async fn a_reserva_that_was_never_approved_cannot_be_paid() {
        let de_a = TransicionInvalida { from: Estado::Pendiente, to: Estado::Pagada };
        world().given(en(Estado::Pendiente)).when(PagarReserva { id: ID }).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn a_reserva_that_does_not_exist_cannot_be_paid() {
        world().when(PagarReserva { id: ID }).await.then_refused(VuelosFault::NoExiste(ID));
    }
}
