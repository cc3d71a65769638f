//! What the world hears of an ingesta. A new event does not compile until it is given a place here.

use super::published::{
    IngestaAlertada, IngestaCreada, IngestaEliminada, IngestaEnProceso, IngestaFallida, IngestaFinalizada,
    IngestaRechazada,
};
use crate::domain::ingesta::IngestaEvent;
use seedwork::application::{Translate, UnitOfWork};

impl Translate for IngestaEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Creada(hechos) => uow.publish(&IngestaCreada::from(hechos)),
            Self::EnProceso(hechos) => uow.publish(&IngestaEnProceso::from(hechos)),
            Self::Alertada(hechos) => uow.publish(&IngestaAlertada::from(hechos)),
            Self::Rechazada(hechos) => uow.publish(&IngestaRechazada::from(hechos)),
            Self::Finalizada(hechos) => uow.publish(&IngestaFinalizada::from(hechos)),
            Self::Fallida(hechos) => uow.publish(&IngestaFallida::from(hechos)),
            Self::Eliminada(hechos) => uow.publish(&IngestaEliminada::from(hechos)),
        }
    }
}
