//! What the world hears of a reserva. A new event does not compile until it is given a place here.

use super::published;
use crate::domain::reserva::ReservaEvent;
use seedwork::application::{Translate, UnitOfWork};

impl Translate for ReservaEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Creada(hechos) => uow.publish(&published::ReservaCreada::from(hechos)),
            Self::Aprobada(hechos) => uow.publish(&published::ReservaAprobada::from(hechos)),
            Self::Pagada(hechos) => uow.publish(&published::ReservaPagada::from(hechos)),
            Self::Cancelada(hechos) => uow.publish(&published::ReservaCancelada::from(hechos)),
        }
    }
}
