//! Itinerarios as they are received: from the broker and in bodies of requests. `F` is the form of a moment there.

use crate::domain::reserva::{self, AeropuertoEscrito, LegEscrito};
use chrono::serde::ts_microseconds;
use seedwork::domain::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Itinerario<F> {
    pub odos: Vec<Odo<F>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odo<F> {
    pub segmentos: Vec<Segmento<F>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmento<F> {
    pub legs: Vec<Leg<F>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg<F> {
    pub fecha_salida: F,
    pub fecha_llegada: F,
    pub origen: Aeropuerto,
    pub destino: Aeropuerto,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aeropuerto {
    pub codigo: String,
    pub nombre: String,
}

/// A moment in the form of Avro, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(#[serde(with = "ts_microseconds")] pub Timestamp);

impl From<Micros> for Timestamp {
    fn from(micros: Micros) -> Self {
        micros.0
    }
}

fn all<A, B: From<A>>(all: impl IntoIterator<Item = A>) -> Vec<B> {
    all.into_iter().map(Into::into).collect()
}

impl<F: Into<Timestamp>> From<Itinerario<F>> for reserva::Itinerario<LegEscrito> {
    fn from(itinerario: Itinerario<F>) -> Self {
        let Itinerario { odos } = itinerario;
        Self { odos: all(odos) }
    }
}

impl<F: Into<Timestamp>> From<Odo<F>> for reserva::Odo<LegEscrito> {
    fn from(odo: Odo<F>) -> Self {
        let Odo { segmentos } = odo;
        Self { segmentos: all(segmentos) }
    }
}

impl<F: Into<Timestamp>> From<Segmento<F>> for reserva::Segmento<LegEscrito> {
    fn from(segmento: Segmento<F>) -> Self {
        let Segmento { legs } = segmento;
        Self { legs: all(legs) }
    }
}

impl<F: Into<Timestamp>> From<Leg<F>> for LegEscrito {
    fn from(leg: Leg<F>) -> Self {
        let Leg { fecha_salida, fecha_llegada, origen, destino } = leg;
        let escrito = |Aeropuerto { codigo, nombre }| AeropuertoEscrito { codigo, nombre };
        let (origen, destino) = (escrito(origen), escrito(destino));
        Self { salida: fecha_salida.into(), llegada: fecha_llegada.into(), origen, destino }
    }
}
