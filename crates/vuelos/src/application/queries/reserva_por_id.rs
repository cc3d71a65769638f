//! One reserva by its id, in any state.

use super::ItinerarioView;
use crate::{
    application::VuelosFault,
    domain::reserva::{Clase, Datos, Estado, Pasajero, Reserva, ReservaId, TipoPasajero, TipoVuelo},
};
use chrono::{DateTime, Utc};
use seedwork::{
    application::{Named, Query},
    domain::Aggregate,
};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the reserva with this id; [`VuelosFault::NoExiste`] if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservaPorId {
    pub id: ReservaId,
}

impl Query for ReservaPorId {
    const NAME: &'static str = "reserva-por-id";
    type Output = ReservaView;
    type Error = VuelosFault;
}

/// Una reserva de vuelos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Reserva))]
pub struct ReservaView {
    /// El identificador de la reserva.
    pub id: Uuid,
    /// El cliente de la reserva; nulo si no es de nadie.
    #[cfg_attr(feature = "infrastructure", schema(required))]
    pub id_cliente: Option<Uuid>,
    /// El estado de la reserva.
    pub estado: EstadoDeReserva,
    /// El tipo de vuelo, que resulta de la ruta.
    pub tipo_vuelo: TipoDeVuelo,
    /// El origen y el destino del primer odo.
    #[cfg_attr(feature = "infrastructure", schema(example = "BOG-JFK"))]
    pub ruta: String,
    /// El momento de la primera salida.
    pub fecha_salida: DateTime<Utc>,
    /// Las personas que viajan.
    pub pasajeros: Vec<PasajeroView>,
    /// Las formas de volar que se reservan.
    pub itinerarios: Vec<ItinerarioView>,
    /// El momento en que se pidió la reserva.
    pub fecha_creacion: DateTime<Utc>,
    /// El momento del último cambio.
    pub fecha_actualizacion: DateTime<Utc>,
    /// El último motivo que se dio para un cambio; nulo si no se ha dado ninguno.
    #[cfg_attr(feature = "infrastructure", schema(required))]
    pub motivo: Option<String>,
    /// La versión de la reserva: aumenta en uno con cada cambio.
    pub version: u32,
}

pub type EstadoDeReserva = Named<Estado>;
pub type TipoDeVuelo = Named<TipoVuelo>;

/// Una persona que viaja.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Pasajero))]
pub struct PasajeroView {
    /// El tipo de pasajero.
    pub tipo: TipoDePasajero,
    /// La clase en que viaja.
    pub clase: ClaseDePasajero,
}

pub type TipoDePasajero = Named<TipoPasajero>;
pub type ClaseDePasajero = Named<Clase>;

impl From<&Pasajero> for PasajeroView {
    fn from(pasajero: &Pasajero) -> Self {
        let Pasajero { tipo, clase } = *pasajero;
        Self { tipo: tipo.into(), clase: clase.into() }
    }
}

/// The view of a new reserva, which its command returns.
impl From<&Reserva> for ReservaView {
    fn from(reserva: &Reserva) -> Self {
        let Datos { id, cliente, pasajeros, itinerarios, estado, fecha_creacion, fecha_actualizacion, motivo } =
            reserva.datos();
        Self {
            id: (*id).into(),
            id_cliente: cliente.map(Into::into),
            estado: (*estado).into(),
            tipo_vuelo: itinerarios.tipo_vuelo().into(),
            ruta: itinerarios.ruta().to_string(),
            fecha_salida: itinerarios.fecha_salida(),
            pasajeros: pasajeros.iter().map(Into::into).collect(),
            itinerarios: itinerarios.iter().map(Into::into).collect(),
            fecha_creacion: *fecha_creacion,
            fecha_actualizacion: *fecha_actualizacion,
            motivo: motivo.as_ref().map(ToString::to_string),
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
        assert_eq!(serde_json::to_string(&ReservaView::from(&en(Estado::Aprobada))).unwrap(), json);
    }
}
