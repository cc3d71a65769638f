//! How a command from the broker that is refused is answered.

use super::published::ComandoRechazado;
use crate::application::Handlers;
use seedwork::application::{Refusal, Refuse, UnitOfWork};

impl Refuse for Handlers {
    fn refuse(refusal: Refusal, uow: &mut impl UnitOfWork) {
        uow.publish(&ComandoRechazado {
            // Every record that this context handles is keyed by the id of a reserva.
            id_reserva: refusal.key.parse().unwrap_or_default(),
            id_comando: refusal.command_id,
            comando: refusal.command.to_owned(),
            regla: refusal.rule.to_owned(),
            detalle: refusal.detail,
            fecha: refusal.time,
        });
    }
}
