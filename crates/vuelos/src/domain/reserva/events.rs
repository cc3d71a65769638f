//! What can happen to a reserva.

use super::{ClienteId, Estado, Motivo, ReservaId, Ruta, TipoVuelo};
use seedwork::domain::{Timestamp, Version};

/// Something happened to a reserva.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservaEvent {
    /// It was asked for.
    Creada(Hechos),
    /// It was accepted.
    Aprobada(Hechos),
    /// It was paid.
    Pagada(Hechos),
    /// It was given up.
    Cancelada(Hechos),
}

/// The reserva right after something happened to it: all that a listener needs without asking back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hechos {
    /// Which reserva.
    pub id: ReservaId,
    /// Whose it is, if anybody's.
    pub cliente: Option<ClienteId>,
    /// What became of it.
    pub estado: Estado,
    /// What the ruta makes of it.
    pub tipo_vuelo: TipoVuelo,
    /// Where the first odo begins and ends.
    pub ruta: Ruta,
    /// When the first leg takes off.
    pub fecha_salida: Timestamp,
    /// The last reason that somebody gave, now or earlier.
    pub motivo: Option<Motivo>,
    /// When it happened.
    pub fecha: Timestamp,
    /// The version that this event brought.
    pub version: Version,
}
