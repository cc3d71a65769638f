//! The JSON in the columns `pasajeros` and `itinerarios`. These types are the format of stored rows: a change must still
//! read the rows that exist.

use crate::{
    application::queries::{AeropuertoView, ItinerarioView, LegView, OdoView, PasajeroView, SegmentoView},
    domain::reserva::{Aeropuerto, AeropuertoEscrito, Itinerario, Leg, LegEscrito, Odo, Pasajero, Segmento},
};
use seedwork::domain::{Timestamp, Violations};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

seedwork::refusal! {
    /// A stored text that is not the JSON that was written.
    pub(super) struct TextoIlegible: "texto-legible", "El texto guardado no se puede leer";
}

pub(super) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structs of texts and dates have JSON")
}

pub(super) fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, TextoIlegible> {
    serde_json::from_str(json).map_err(|_| TextoIlegible)
}

#[derive(Serialize, Deserialize)]
pub(super) struct PasajeroJson<'a> {
    #[serde(borrow)]
    pub(super) tipo: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) clase: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItinerarioJson {
    odos: Vec<OdoJson>,
}

#[derive(Serialize, Deserialize)]
struct OdoJson {
    segmentos: Vec<SegmentoJson>,
}

#[derive(Serialize, Deserialize)]
struct SegmentoJson {
    legs: Vec<LegJson>,
}

#[derive(Serialize, Deserialize)]
struct LegJson {
    fecha_salida: Timestamp,
    fecha_llegada: Timestamp,
    origen: AeropuertoJson,
    destino: AeropuertoJson,
}

#[derive(Serialize, Deserialize)]
struct AeropuertoJson {
    codigo: String,
    nombre: String,
}

// From the domain.

impl From<&Pasajero> for PasajeroJson<'static> {
    fn from(pasajero: &Pasajero) -> Self {
        let Pasajero { tipo, clase } = pasajero;
        Self { tipo: tipo.as_str().into(), clase: clase.as_str().into() }
    }
}

impl From<&Itinerario> for ItinerarioJson {
    fn from(itinerario: &Itinerario) -> Self {
        let Itinerario { odos } = itinerario;
        Self { odos: odos.iter().map(Into::into).collect() }
    }
}

impl From<&Odo> for OdoJson {
    fn from(odo: &Odo) -> Self {
        let Odo { segmentos } = odo;
        Self { segmentos: segmentos.iter().map(Into::into).collect() }
    }
}

impl From<&Segmento> for SegmentoJson {
    fn from(segmento: &Segmento) -> Self {
        let Segmento { legs } = segmento;
        Self { legs: legs.iter().map(Into::into).collect() }
    }
}

impl From<&Leg> for LegJson {
    fn from(leg: &Leg) -> Self {
        let Leg { salida, llegada, origen, destino } = leg;
        Self { fecha_salida: *salida, fecha_llegada: *llegada, origen: origen.into(), destino: destino.into() }
    }
}

impl From<&Aeropuerto> for AeropuertoJson {
    fn from(aeropuerto: &Aeropuerto) -> Self {
        let Aeropuerto { codigo, nombre } = aeropuerto;
        Self { codigo: codigo.to_string(), nombre: nombre.to_string() }
    }
}

// To the domain, which parses it.

impl From<ItinerarioJson> for Itinerario<LegEscrito> {
    fn from(ItinerarioJson { odos }: ItinerarioJson) -> Self {
        Self { odos: odos.into_iter().map(Into::into).collect() }
    }
}

impl From<OdoJson> for Odo<LegEscrito> {
    fn from(OdoJson { segmentos }: OdoJson) -> Self {
        Self { segmentos: segmentos.into_iter().map(Into::into).collect() }
    }
}

impl From<SegmentoJson> for Segmento<LegEscrito> {
    fn from(SegmentoJson { legs }: SegmentoJson) -> Self {
        Self { legs: legs.into_iter().map(Into::into).collect() }
    }
}

impl From<LegJson> for LegEscrito {
    fn from(LegJson { fecha_salida, fecha_llegada, origen, destino }: LegJson) -> Self {
        Self { salida: fecha_salida, llegada: fecha_llegada, origen: origen.into(), destino: destino.into() }
    }
}

impl From<AeropuertoJson> for AeropuertoEscrito {
    fn from(AeropuertoJson { codigo, nombre }: AeropuertoJson) -> Self {
        Self { codigo, nombre }
    }
}

// To the views.

impl TryFrom<PasajeroJson<'_>> for PasajeroView {
    type Error = Violations;

    fn try_from(PasajeroJson { tipo, clase }: PasajeroJson<'_>) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let (tipo, clase) = (found.field("tipo", tipo.parse()), found.field("clase", clase.parse()));
        found.check(|| Some(Self { tipo: tipo?, clase: clase? }))
    }
}

impl From<ItinerarioJson> for ItinerarioView {
    fn from(ItinerarioJson { odos }: ItinerarioJson) -> Self {
        Self { odos: odos.into_iter().map(Into::into).collect() }
    }
}

impl From<OdoJson> for OdoView {
    fn from(OdoJson { segmentos }: OdoJson) -> Self {
        Self { segmentos: segmentos.into_iter().map(Into::into).collect() }
    }
}

impl From<SegmentoJson> for SegmentoView {
    fn from(SegmentoJson { legs }: SegmentoJson) -> Self {
        Self { legs: legs.into_iter().map(Into::into).collect() }
    }
}

impl From<LegJson> for LegView {
    fn from(LegJson { fecha_salida, fecha_llegada, origen, destino }: LegJson) -> Self {
        Self { fecha_salida, fecha_llegada, origen: origen.into(), destino: destino.into() }
    }
}

impl From<AeropuertoJson> for AeropuertoView {
    fn from(AeropuertoJson { codigo, nombre }: AeropuertoJson) -> Self {
        Self { codigo, nombre }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::reserva::{Estado, Reserva, examples::*},
        infrastructure::tables::ReservaRow,
    };

    const PASAJEROS: &str = r#"[{"tipo":"Adulto","clase":"Economica"}]"#;
    const ITINERARIOS: &str = concat!(
        r#"[{"odos":[{"segmentos":[{"legs":[{"fecha_salida":"2022-11-22T13:10:00Z","#,
        r#""fecha_llegada":"2022-11-22T14:10:00Z","origen":{"codigo":"BOG","nombre":"Aeropuerto BOG"},"#,
        r#""destino":{"codigo":"JFK","nombre":"Aeropuerto JFK"}}]}]}]}]"#,
    );

    /// Rows of earlier releases hold these texts: a failure here means that they could not be read any more.
    #[test]
    fn the_stored_json_is_that_of_the_rows_that_exist() {
        let reserva = en(Estado::Pendiente);
        let row = ReservaRow::from(reserva.clone());
        assert_eq!((row.pasajeros.as_str(), row.itinerarios.as_str()), (PASAJEROS, ITINERARIOS));
        let stored = ReservaRow { pasajeros: PASAJEROS.into(), itinerarios: ITINERARIOS.into(), ..row };
        assert_eq!(Reserva::try_from(stored), Ok(reserva));
    }
}
