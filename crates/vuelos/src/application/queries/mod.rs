//! The queries on reservas: each file has the question and the view that answers it. A file of the same name in
//! `infrastructure/queries` answers it. The docs of a view are texts for clients, in Spanish: `/spec` shows them.

mod itinerario;
mod reserva_por_id;
mod reservas_no_pagadas;
mod todas_las_reservas;

pub use itinerario::{AeropuertoView, ItinerarioView, LegView, OdoView, SegmentoView};
pub use reserva_por_id::{
    ClaseDePasajero, EstadoDeReserva, PasajeroView, ReservaPorId, ReservaView, TipoDePasajero, TipoDeVuelo,
};
pub use reservas_no_pagadas::ReservasNoPagadas;
pub use todas_las_reservas::TodasLasReservas;
