//! One reserva, whatever became of it.

use crate::{
    application::{VuelosFault, integration::itinerario::Itinerario},
    domain::reserva::{Estado, Pasajero, Reserva, ReservaId, TipoVuelo},
};
use seedwork::{
    application::{Query, by_name},
    domain::{Aggregate, Timestamp, Version},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Asks for the reserva with this id; [`VuelosFault::NoExiste`] when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservaPorId {
    /// Which reserva.
    pub id: ReservaId,
}

impl Query for ReservaPorId {
    const NAME: &'static str = "reserva-por-id";
    type Output = ReservaView;
    type Error = VuelosFault;
}

/// A reserva as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReservaView {
    /// Which reserva.
    pub id: Uuid,
    /// Whose it is, if anybody's.
    pub id_cliente: Option<Uuid>,
    /// What became of it.
    #[serde(serialize_with = "by_name")]
    pub estado: Estado,
    /// What the ruta makes of it.
    #[serde(serialize_with = "by_name")]
    pub tipo_vuelo: TipoVuelo,
    /// Where the first odo begins and ends.
    pub ruta: String,
    /// When the first leg takes off.
    pub fecha_salida: Timestamp,
    /// Who travels.
    pub pasajeros: Vec<PasajeroView>,
    /// How they fly.
    pub itinerarios: Vec<Itinerario<Timestamp>>,
    /// When it was asked for.
    pub fecha_creacion: Timestamp,
    /// When it last changed.
    pub fecha_actualizacion: Timestamp,
    /// The last reason that somebody gave for a change.
    pub motivo: Option<String>,
    /// How often it has changed.
    pub version: Version,
}

/// Somebody who travels, as clients see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasajeroView {
    /// Who.
    pub tipo: String,
    /// Where.
    pub clase: String,
}

impl From<&Pasajero> for PasajeroView {
    fn from(pasajero: &Pasajero) -> Self {
        Self { tipo: pasajero.tipo.to_string(), clase: pasajero.clase.to_string() }
    }
}

/// What whoever asked for it is told at once.
impl From<Reserva> for ReservaView {
    fn from(reserva: Reserva) -> Self {
        let datos = reserva.datos();
        Self {
            id: datos.id.into(),
            id_cliente: datos.cliente.map(Into::into),
            estado: datos.estado,
            tipo_vuelo: datos.itinerarios.tipo_vuelo(),
            ruta: datos.itinerarios.ruta().to_string(),
            fecha_salida: datos.itinerarios.fecha_salida(),
            pasajeros: datos.pasajeros.iter().map(Into::into).collect(),
            itinerarios: datos.itinerarios.iter().map(Into::into).collect(),
            fecha_creacion: datos.fecha_creacion,
            fecha_actualizacion: datos.fecha_actualizacion,
            motivo: datos.motivo.as_ref().map(ToString::to_string),
            version: reserva.version(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reserva::examples::*;

    #[test]
    fn a_client_reads_every_field_in_its_order_with_dates_in_utc() {
        let json = concat!(
            r#"{"id":"0198c0de-0000-7000-8000-000000000001","id_cliente":"0198c0de-0000-7000-8000-0000000000c1","#,
            r#""estado":"Aprobada","tipo_vuelo":"solo_ida","ruta":"BOG-JFK","fecha_salida":"2022-11-22T13:10:00Z","#,
            r#""pasajeros":[{"tipo":"Adulto","clase":"Economica"}],"itinerarios":[{"odos":[{"segmentos":[{"legs":[{"#,
            r#""fecha_salida":"2022-11-22T13:10:00Z","fecha_llegada":"2022-11-22T14:10:00Z","#,
            r#""origen":{"codigo":"BOG","nombre":"Aeropuerto BOG"},"#,
            r#""destino":{"codigo":"JFK","nombre":"Aeropuerto JFK"}}]}]}]}],"#,
            r#""fecha_creacion":"2025-12-31T00:00:00Z","fecha_actualizacion":"2025-12-31T00:00:00Z","#,
            r#""motivo":null,"version":1}"#,
        );
        assert_eq!(serde_json::to_string(&ReservaView::from(en(Estado::Aprobada))).unwrap(), json);
    }
}
