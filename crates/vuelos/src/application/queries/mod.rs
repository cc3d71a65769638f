//! What can be asked about reservas: the question and the view that answers it. The tables answer, in
//! `infrastructure`.

mod reserva_por_id;
mod reservas_no_pagadas;
mod todas_las_reservas;

pub use reserva_por_id::{PasajeroView, ReservaPorId, ReservaView};
pub use reservas_no_pagadas::ReservasNoPagadas;
pub use todas_las_reservas::TodasLasReservas;
