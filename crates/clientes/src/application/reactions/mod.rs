//! What this context does about what happens: its own events, in the same unit of work, and those of others.

pub(super) mod on_cliente_desactivado; // the expediente is closed
pub(super) mod on_cliente_registrado; // the expediente is opened
mod on_reserva; // the expediente shows the reserva
