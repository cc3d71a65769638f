//! What the world hears of a cliente. A new event does not compile until it is given a place here.

use super::published;
use crate::domain::{
    ClientesEvent,
    cliente::ClienteEvent,
    expediente::ExpedienteEvent::{Abierto, Cerrado},
};
use seedwork::application::{Translate, UnitOfWork};

impl Translate for ClientesEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Cliente(ClienteEvent::Registrado(hechos)) => uow.publish(&published::ClienteRegistrado::from(hechos)),
            Self::Cliente(ClienteEvent::Desactivado(hechos)) => {
                uow.publish(&published::ClienteDesactivado::from(hechos));
            }
            // Stays inside: an expediente follows its cliente, of which the world hears.
            Self::Expediente(Abierto | Cerrado) => {}
        }
    }
}
