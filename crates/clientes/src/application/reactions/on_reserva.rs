//! Keeps the reservas that an expediente shows up to date, also after it is closed.

use crate::application::{
    ClientesFault, ClientesUow, Handlers,
    integration::consumed::{ReservaAprobada, ReservaCancelada, ReservaCreada, ReservaPagada},
    projections::Reserva,
};
use seedwork::application::EventHandler;

/// Implements the handler of each of these events: a reserva without a cliente is in no expediente.
macro_rules! show {
    ($($record:ident),+ $(,)?) => {$(
        impl<U: ClientesUow> EventHandler<$record, U> for Handlers {
            async fn handle(&self, event: $record, uow: &mut U) -> Result<(), ClientesFault> {
                let $record { id_reserva, id_cliente, estado, ruta, fecha_salida, version } = event;
                if let Some(cliente) = id_cliente {
                    let cliente = cliente.into();
                    uow.project(Reserva { id: id_reserva, cliente, estado, ruta, fecha: fecha_salida, version });
                }
                Ok(())
            }
        }
    )+};
}

show!(ReservaCreada, ReservaAprobada, ReservaPagada, ReservaCancelada);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::world::world,
        domain::{
            cliente::examples::{AHORA, ID},
            expediente::{Estado, examples::en},
        },
    };
    use uuid::Uuid;

    fn creada() -> ReservaCreada {
        ReservaCreada {
            id_reserva: Uuid::from_u128(7),
            id_cliente: Some(ID.into()),
            estado: "Pendiente".into(),
            ruta: "BOG-JFK".into(),
            fecha_salida: AHORA,
            version: 1,
        }
    }

    fn cancelada() -> ReservaCancelada {
        let ReservaCreada { id_reserva, id_cliente, ruta, fecha_salida, .. } = creada();
        ReservaCancelada { id_reserva, id_cliente, estado: "Cancelada".into(), ruta, fecha_salida, version: 2 }
    }

    fn row(estado: &str, version: i64) -> Reserva {
        let (id, estado, ruta) = (Uuid::from_u128(7), estado.to_owned(), "BOG-JFK".to_owned());
        Reserva { id, cliente: ID, estado, ruta, fecha: AHORA, version }
    }

    #[tokio::test]
    async fn a_reserva_is_shown_as_last_published_even_when_the_expediente_is_closed() {
        world()
            .given(en(Estado::Cerrado))
            .when_event(creada())
            .await
            .then_read_model([row("Pendiente", 1)])
            .and()
            .when_event(cancelada())
            .await
            .then_read_model([row("Cancelada", 2)])
            .then_published_nothing();
    }

    #[tokio::test]
    async fn an_event_handled_twice_or_out_of_order_changes_nothing() {
        let newest = || [row("Cancelada", 2)];
        let world = world().when_event(cancelada()).await.then_read_model(newest()).and();
        let world = world.when_event(creada()).await.then_read_model(newest()).and();
        world.when_event(cancelada()).await.then_read_model(newest());
    }

    #[tokio::test]
    async fn a_reserva_of_nobody_is_in_no_expediente() {
        world().when_event(ReservaCreada { id_cliente: None, ..creada() }).await.then_read_model(Vec::<Reserva>::new());
    }
}
