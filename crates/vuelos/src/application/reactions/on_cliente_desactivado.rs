//! A deactivated cliente's pending reservas are cancelled. Accepted and paid ones stay.

use crate::{
    application::{Handlers, VuelosFault, VuelosUow, integration::consumed::ClienteDesactivado},
    domain::reserva::Motivo,
};
use seedwork::application::EventHandler;

impl<U: VuelosUow> EventHandler<ClienteDesactivado, U> for Handlers {
    async fn handle(&self, event: ClienteDesactivado, uow: &mut U) -> Result<(), VuelosFault> {
        for mut reserva in uow.reservas_pendientes(event.id_cliente.into()).await? {
            reserva.cancelar(Motivo::cliente_desactivado(), self.clock.now())?;
            uow.save(reserva);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::{integration::published::ReservaCancelada, world::world},
        domain::reserva::{ClienteId, Estado, Reserva, ReservaId, examples::*},
    };
    use seedwork::testing::World;

    fn evento() -> ClienteDesactivado {
        ClienteDesactivado { id_cliente: CLIENTE.into() }
    }

    #[tokio::test]
    async fn the_pending_reservas_of_the_cliente_are_cancelled_and_no_others() {
        let otro = ClienteId::new();
        let others = [
            una(ReservaId::new(), Some(CLIENTE), Estado::Aprobada),
            una(ReservaId::new(), Some(CLIENTE), Estado::Pagada),
            una(ReservaId::new(), Some(otro), Estado::Pendiente),
            una(ReservaId::new(), None, Estado::Pendiente),
        ];
        let hechos = hechos(Estado::Cancelada, Some(Motivo::cliente_desactivado()));
        let given = others.iter().cloned().fold(world().given(en(Estado::Pendiente)), World::given);
        let then = given.when_event(evento()).await.then_published([ReservaCancelada::from(&hechos)]);
        for other in others {
            assert_eq!(then.stored::<Reserva>(other.datos().id), Some(other));
        }
    }

    #[tokio::test]
    async fn a_repeated_event_changes_nothing() {
        let world = world().given(en(Estado::Pendiente)).when_event(evento()).await.and();
        world.when_event(evento()).await.then_published_nothing();
    }

    #[tokio::test]
    async fn thousands_of_reservas_are_cancelled_too() {
        let many = (0..3_000).map(|_| una(ReservaId::new(), Some(CLIENTE), Estado::Pendiente));
        let then = many.fold(world(), World::given).when_event(evento()).await;
        assert_eq!(then.published::<ReservaCancelada>().len(), 3_000);
    }
}
