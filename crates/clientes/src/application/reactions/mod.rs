//! Reactions to events: to those of this context in the same unit of work, to those of others in a new one.

pub(super) mod on_cliente_desactivado;
pub(super) mod on_cliente_registrado;
mod on_reserva;
