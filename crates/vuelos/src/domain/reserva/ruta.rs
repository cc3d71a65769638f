//! Ruta and kind of flight, which follow from the airports of an itinerario.

use super::{CodigoIata, Odo};
use std::fmt;

/// The first origin and the last destination of the first odo: `BOG-JFK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruta {
    pub origen: CodigoIata,
    pub destino: CodigoIata,
}

impl fmt::Display for Ruta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.origen, self.destino)
    }
}

seedwork::choice! {
    /// The kinds of flight.
    pub enum TipoVuelo as TipoDeVuelo {
        /// There, and not back.
        SoloIda = "solo_ida",
        /// There, and back to the start.
        IdaYVuelta = "ida_y_vuelta",
        /// Anything else.
        OpenJaw = "open_jaw",
    }
    /// Not the name of a kind of flight.
    pub struct TipoVueloInvalido:
        "tipo-vuelo-valido", "El tipo de vuelo debe ser «solo_ida», «ida_y_vuelta» u «open_jaw»";
}

impl TipoVuelo {
    /// Returns the kind that the odos of an itinerario make; none without any leg.
    pub(super) fn de(odos: &[Odo]) -> Option<Self> {
        match odos {
            [] => None,
            [_] => Some(Self::SoloIda),
            [ida, vuelta] if vuelta.ruta()?.destino == ida.ruta()?.origen => Some(Self::IdaYVuelta),
            _ => Some(Self::OpenJaw),
        }
    }
}
