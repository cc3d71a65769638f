//! What can be asked of a reserva: one use case, one file.

mod aprobar_reserva;
mod cancelar_reserva;
mod crear_reserva;
mod pagar_reserva;

pub use aprobar_reserva::AprobarReserva; // accepts it
pub use cancelar_reserva::CancelarReserva; // gives it up
pub use crear_reserva::CrearReserva; // asks for flights
pub use pagar_reserva::PagarReserva; // notes that it is paid
