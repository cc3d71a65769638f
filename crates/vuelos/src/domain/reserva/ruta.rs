//! What the airports of an itinerario make of a reserva.

use super::{CodigoIata, Odo};
use std::fmt;

/// Where the first odo begins and ends: `BOG-JFK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruta {
    /// Where it begins.
    pub origen: CodigoIata,
    /// Where it ends.
    pub destino: CodigoIata,
}

impl fmt::Display for Ruta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.origen, self.destino)
    }
}

seedwork::choice! {
    /// What the ruta makes of a reserva.
    pub enum TipoVuelo as TipoDeVuelo {
        /// There, and not back.
        SoloIda = "solo_ida",
        /// There, and back to the start.
        IdaYVuelta = "ida_y_vuelta",
        /// Anything else.
        OpenJaw = "open_jaw",
    }
    /// No kind has that name.
    pub struct TipoVueloInvalido: "tipo-vuelo-valido", "El tipo de vuelo debe ser solo_ida, ida_y_vuelta u open_jaw";
}

impl TipoVuelo {
    /// Of the odos of an itinerario. Only one without any leg has none.
    pub(super) fn de(odos: &[Odo]) -> Option<Self> {
        match odos {
            [] => None,
            [_] => Some(Self::SoloIda),
            [ida, vuelta] if vuelta.ruta()?.destino == ida.ruta()?.origen => Some(Self::IdaYVuelta),
            _ => Some(Self::OpenJaw),
        }
    }
}
