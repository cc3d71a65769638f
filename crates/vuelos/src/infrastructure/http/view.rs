//! What the OpenAPI document says of a reserva. The application layer knows no OpenAPI, so it is said here; a test holds
//! the two together.

use super::bodies::PasajeroBody;
use chrono::{DateTime, Utc};
use utoipa::ToSchema;
use uuid::Uuid;

/// A reserva.
#[derive(ToSchema)]
#[schema(as = Reserva)]
#[expect(dead_code, reason = "it is only described")]
pub(super) struct ReservaSchema {
    /// Which reserva.
    id: Uuid,
    /// Whose it is, if anybody's.
    #[schema(required)]
    id_cliente: Option<Uuid>,
    /// What became of it.
    estado: EstadoSchema,
    /// What the ruta makes of it.
    tipo_vuelo: TipoVueloSchema,
    /// Where the first odo begins and ends.
    #[schema(example = "BOG-JFK")]
    ruta: String,
    /// When the first leg takes off.
    fecha_salida: DateTime<Utc>,
    /// Who travels.
    pasajeros: Vec<PasajeroBody>,
    /// How they fly.
    itinerarios: Vec<ItinerarioSchema>,
    /// When it was asked for.
    fecha_creacion: DateTime<Utc>,
    /// When it last changed.
    fecha_actualizacion: DateTime<Utc>,
    /// The last reason that somebody gave for a change.
    #[schema(required)]
    motivo: Option<String>,
    /// How often it has changed.
    version: u32,
}

/// What became of a reserva.
#[derive(ToSchema)]
#[schema(as = EstadoDeReserva)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum EstadoSchema {
    Pendiente,
    Aprobada,
    Pagada,
    Cancelada,
}

/// What the ruta makes of a reserva.
#[derive(ToSchema)]
#[schema(as = TipoDeVuelo, rename_all = "snake_case")]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum TipoVueloSchema {
    SoloIda,
    IdaYVuelta,
    OpenJaw,
}

/// Kinds of travellers.
#[derive(ToSchema)]
#[schema(as = TipoDePasajero)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum TipoPasajeroSchema {
    Adulto,
    Menor,
    Infante,
}

/// Where one sits.
#[derive(ToSchema)]
#[schema(as = Clase)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum ClaseSchema {
    Economica,
    Premium,
    Ejecutiva,
    Primera,
}

/// One complete way to fly what is asked for.
#[derive(ToSchema)]
#[schema(as = Itinerario)]
#[expect(dead_code, reason = "it is only described")]
pub(super) struct ItinerarioSchema {
    /// Its directions.
    #[schema(min_items = 1, max_items = 100)]
    odos: Vec<OdoSchema>,
}

/// One direction, from an origin to a destination.
#[derive(ToSchema)]
#[schema(as = Odo)]
#[expect(dead_code, reason = "it is only described")]
struct OdoSchema {
    /// Its parts.
    #[schema(min_items = 1, max_items = 100)]
    segmentos: Vec<SegmentoSchema>,
}

/// A part of an odo.
#[derive(ToSchema)]
#[schema(as = Segmento)]
#[expect(dead_code, reason = "it is only described")]
struct SegmentoSchema {
    /// Its legs: each takes off where the last one landed.
    #[schema(min_items = 1, max_items = 100)]
    legs: Vec<LegSchema>,
}

/// One take-off and one landing.
#[derive(ToSchema)]
#[schema(as = Leg)]
#[expect(dead_code, reason = "it is only described")]
struct LegSchema {
    /// When it takes off.
    fecha_salida: DateTime<Utc>,
    /// When it lands: later.
    fecha_llegada: DateTime<Utc>,
    /// Where it takes off.
    origen: AeropuertoSchema,
    /// Where it lands: elsewhere.
    destino: AeropuertoSchema,
}

/// An airport.
#[derive(ToSchema)]
#[schema(as = Aeropuerto)]
#[expect(dead_code, reason = "it is only described")]
struct AeropuertoSchema {
    /// Its IATA code: three capitals.
    #[schema(pattern = "^[A-Z]{3}$")]
    codigo: String,
    /// Its name: 1 to 100 visible characters.
    #[schema(min_length = 1, max_length = 100)]
    nombre: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::queries::ReservaView,
        domain::reserva::{Clase, Estado, TipoPasajero, TipoVuelo, examples::en},
        infrastructure::tables::ReservaRow,
    };
    use serde_json::{Value, to_value};
    use utoipa::PartialSchema;

    fn said<T: PartialSchema>() -> Value {
        to_value(T::schema()).unwrap()
    }

    #[track_caller]
    fn has_the_members_of(said: &Value, value: &Value) {
        let names = |value: &Value| value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>());
        assert_eq!(names(&said["properties"]), names(value));
    }

    #[test]
    fn the_document_says_what_clients_read() {
        let view = ReservaView::try_from(ReservaRow::from(en(Estado::Pendiente))).unwrap();
        let view = to_value(view).unwrap();
        has_the_members_of(&said::<ReservaSchema>(), &view);
        has_the_members_of(&said::<PasajeroBody>(), &view["pasajeros"][0]);
        let itinerario = &view["itinerarios"][0];
        has_the_members_of(&said::<ItinerarioSchema>(), itinerario);
        let odo = &itinerario["odos"][0];
        has_the_members_of(&said::<OdoSchema>(), odo);
        let segmento = &odo["segmentos"][0];
        has_the_members_of(&said::<SegmentoSchema>(), segmento);
        let leg = &segmento["legs"][0];
        has_the_members_of(&said::<LegSchema>(), leg);
        has_the_members_of(&said::<AeropuertoSchema>(), &leg["origen"]);
    }

    #[test]
    fn the_document_has_every_name() {
        assert_eq!(said::<EstadoSchema>()["enum"], Value::from(Estado::ALL.map(Estado::as_str).to_vec()));
        assert_eq!(said::<TipoVueloSchema>()["enum"], Value::from(TipoVuelo::ALL.map(TipoVuelo::as_str).to_vec()));
        assert_eq!(
            said::<TipoPasajeroSchema>()["enum"],
            Value::from(TipoPasajero::ALL.map(TipoPasajero::as_str).to_vec())
        );
        assert_eq!(said::<ClaseSchema>()["enum"], Value::from(Clase::ALL.map(Clase::as_str).to_vec()));
    }
}
