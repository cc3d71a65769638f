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
        application::{integration::published::ReservaAprobada, world::world},
        domain::reserva::{Estado, Reserva, TransicionInvalida, examples::*},
    };

    #[tokio::test]
    async fn an_approval_is_kept_and_published() {
        world()
            .given(en(Estado::Pendiente))
            .when(AprobarReserva { id: ID })
            .await
            .then_state(|reserva: &Reserva| reserva.estado() == Estado::Aprobada)
            .then_published([ReservaAprobada::from(&hechos(Estado::Aprobada, None))]);
    }

    #[tokio::test]
    async fn a_cancelled_reserva_cannot_be_approved() {
        let de_a = TransicionInvalida { from: Estado::Cancelada, to: Estado::Aprobada };
        world().given(en(Estado::Cancelada)).when(AprobarReserva { id: ID }).await.then_refused(de_a);
    }

    #[tokio::test]
    async fn a_reserva_that_does_not_exist_cannot_be_approved() {
        world().when(AprobarReserva { id: ID }).await.then_refused(VuelosFault::NoExiste(ID));
    }
}
