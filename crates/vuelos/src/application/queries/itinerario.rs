//! The itinerarios in the views of a reserva.

use crate::domain::reserva::{Aeropuerto, Itinerario, Leg, Odo, Segmento};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Una forma completa de volar lo que se pide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Itinerario))]
pub struct ItinerarioView {
    /// Sus trayectos, cada uno en una dirección.
    #[cfg_attr(feature = "infrastructure", schema(min_items = 1, max_items = 100))]
    pub odos: Vec<OdoView>,
}

/// Un trayecto en una dirección, de un origen a un destino.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Odo))]
pub struct OdoView {
    /// Sus partes.
    #[cfg_attr(feature = "infrastructure", schema(min_items = 1, max_items = 100))]
    pub segmentos: Vec<SegmentoView>,
}

/// Una parte de un odo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Segmento))]
pub struct SegmentoView {
    /// Sus tramos: cada uno sale de donde llegó el anterior.
    #[cfg_attr(feature = "infrastructure", schema(min_items = 1, max_items = 100))]
    pub legs: Vec<LegView>,
}

/// Un tramo: un despegue y un aterrizaje.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Leg, example = json!({
    "fecha_salida": "2022-11-22T13:10:00Z",
    "fecha_llegada": "2022-11-22T15:10:00Z",
    "origen": {"codigo": "BOG", "nombre": "El Dorado"},
    "destino": {"codigo": "JFK", "nombre": "John F. Kennedy"},
})))]
pub struct LegView {
    /// El momento de la salida.
    pub fecha_salida: DateTime<Utc>,
    /// El momento de la llegada, posterior a la salida.
    pub fecha_llegada: DateTime<Utc>,
    /// El aeropuerto de salida.
    pub origen: AeropuertoView,
    /// El aeropuerto de llegada, distinto del de salida.
    pub destino: AeropuertoView,
}

/// Un aeropuerto.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Aeropuerto))]
pub struct AeropuertoView {
    /// Su código IATA: tres mayúsculas.
    #[cfg_attr(feature = "infrastructure", schema(pattern = "^[A-Z]{3}$", example = "BOG"))]
    pub codigo: String,
    /// Su nombre: de 1 a 100 caracteres visibles.
    #[cfg_attr(feature = "infrastructure", schema(min_length = 1, max_length = 100, example = "El Dorado"))]
    pub nombre: String,
}

impl From<&Itinerario> for ItinerarioView {
    fn from(itinerario: &Itinerario) -> Self {
        let Itinerario { odos } = itinerario;
        Self { odos: odos.iter().map(Into::into).collect() }
    }
}

impl From<&Odo> for OdoView {
    fn from(odo: &Odo) -> Self {
        let Odo { segmentos } = odo;
        Self { segmentos: segmentos.iter().map(Into::into).collect() }
    }
}

impl From<&Segmento> for SegmentoView {
    fn from(segmento: &Segmento) -> Self {
        let Segmento { legs } = segmento;
        Self { legs: legs.iter().map(Into::into).collect() }
    }
}

impl From<&Leg> for LegView {
    fn from(leg: &Leg) -> Self {
        let Leg { salida, llegada, origen, destino } = leg;
        Self { fecha_salida: *salida, fecha_llegada: *llegada, origen: origen.into(), destino: destino.into() }
    }
}

impl From<&Aeropuerto> for AeropuertoView {
    fn from(aeropuerto: &Aeropuerto) -> Self {
        let Aeropuerto { codigo, nombre } = aeropuerto;
        Self { codigo: codigo.to_string(), nombre: nombre.to_string() }
    }
}
