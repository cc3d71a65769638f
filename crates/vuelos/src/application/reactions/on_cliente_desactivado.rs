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
        application::integration::published::ReservaCancelada,
        domain::reserva::{ClienteId, Estado, Reserva, ReservaId, examples::*},
    };
    use seedwork::{domain::FixedClock, testing::World};

    fn evento() -> ClienteDesactivado {
        ClienteDesactivado { id_cliente: CLIENTE.into() }
    }

    #[tokio::test]
    async fn the_pending_reservas_of_the_cliente_are_given_up_and_no_others() {
        let otro = ClienteId::new();
        let others = [
            una(ReservaId::new(), Some(CLIENTE), Estado::Aprobada),
            una(ReservaId::new(), Some(CLIENTE), Estado::Pagada),
            una(ReservaId::new(), Some(otro), Estado::Pendiente),
            una(ReservaId::new(), None, Estado::Pendiente),
        ];
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pendiente));
        let world = others.iter().cloned().fold(world, World::with);
        world.handle_event(evento()).await.unwrap();
        let hechos = hechos(Estado::Cancelada, Some(Motivo::cliente_desactivado()));
        assert_eq!(world.published::<ReservaCancelada>(), [ReservaCancelada::from(&hechos)]);
        for other in others {
            assert_eq!(world.get::<Reserva>(other.datos().id), Some(other));
        }
    }

    #[tokio::test]
    async fn a_repeated_event_changes_nothing() {
        let world = World::new(Handlers::new(FixedClock(AHORA))).with(en(Estado::Pendiente));
        for _ in 0..2 {
            world.handle_event(evento()).await.unwrap();
        }
        assert_eq!(world.published_count(), 1);
    }

    #[tokio::test]
    async fn thousands_of_reservas_are_given_up_too() {
        let many = (0..3_000).map(|_| una(ReservaId::new(), Some(CLIENTE), Estado::Pendiente));
        let world = many.fold(World::new(Handlers::new(FixedClock(AHORA))), World::with);
        world.handle_event(evento()).await.unwrap();
        assert_eq!(world.published::<ReservaCancelada>().len(), 3_000);
    }
}
