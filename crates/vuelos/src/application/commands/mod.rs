//! The commands of this context: one use case, one file.

mod aprobar_reserva;
mod cancelar_reserva;
mod crear_reserva;
mod pagar_reserva;

pub use aprobar_reserva::AprobarReserva;
pub use cancelar_reserva::CancelarReserva;
pub use crear_reserva::CrearReserva;
pub use pagar_reserva::PagarReserva;
