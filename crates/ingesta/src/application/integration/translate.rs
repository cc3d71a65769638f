//! What the world hears of an ingesta. A new event does not compile until it is given a place here.

use super::published;
use crate::domain::ingesta::IngestaEvent;
use seedwork::application::{Translate, UnitOfWork};

impl Translate for IngestaEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Creada(hechos) => uow.publish(&published::IngestaCreada::from(hechos)),
            Self::EnProceso(hechos) => uow.publish(&published::IngestaEnProceso::from(hechos)),
            Self::Alertada(hechos) => uow.publish(&published::IngestaAlertada::from(hechos)),
            Self::Rechazada(hechos) => uow.publish(&published::IngestaRechazada::from(hechos)),
            Self::Finalizada(hechos) => uow.publish(&published::IngestaFinalizada::from(hechos)),
            Self::Fallida(hechos) => uow.publish(&published::IngestaFallida::from(hechos)),
            Self::Eliminada(hechos) => uow.publish(&published::IngestaEliminada::from(hechos)),
        }
    }
}
