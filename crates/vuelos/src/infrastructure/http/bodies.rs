//! What clients send, and the commands and queries that it becomes.

use crate::{
    application::{
        commands,
        integration::itinerario::Itinerario,
        queries::{ClaseDePasajero, EstadoDeReserva, ItinerarioView, PasajeroView, TipoDePasajero, TodasLasReservas},
    },
    domain::reserva::ReservaId,
};
use seedwork::{
    domain::{Timestamp, Violations},
    infrastructure::http::{Paging, instant},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Flights to book.
#[derive(Deserialize, ToSchema)]
#[schema(as = CrearReserva, example = bog_jfk)]
pub(super) struct CrearBody {
    /// How to fly: at least one itinerario, at most 100 legs in all.
    #[schema(value_type = Vec<ItinerarioView>, min_items = 1, max_items = 100)]
    itinerarios: Vec<Itinerario<Momento>>,
    /// Whose reserva it is to be; without it, nobody's. There need be no such cliente.
    id_cliente: Option<Uuid>,
    /// Who travels: at least one Adulto, at most 100 in all; without it, one Adulto in Economica.
    #[schema(value_type = Option<Vec<PasajeroView>>, min_items = 1, max_items = 100)]
    pasajeros: Option<Vec<PasajeroBody>>,
}

/// What may be sent: no leg's own example could tell that one lands elsewhere, and later.
fn bog_jfk() -> Value {
    let leg = json!({
        "fecha_salida": "2022-11-22T13:10:00Z",
        "fecha_llegada": "2022-11-22T15:10:00Z",
        "origen": {"codigo": "BOG", "nombre": "El Dorado"},
        "destino": {"codigo": "JFK", "nombre": "John F. Kennedy"},
    });
    json!({"itinerarios": [{"odos": [{"segmentos": [{"legs": [leg]}]}]}]})
}

/// Described by [`PasajeroView`], which has the same members.
#[derive(Deserialize)]
struct PasajeroBody {
    tipo: TipoDePasajero,
    clase: ClaseDePasajero,
}

/// A moment as clients write it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Momento(#[serde(deserialize_with = "instant")] Timestamp);

impl From<Momento> for Timestamp {
    fn from(momento: Momento) -> Self {
        momento.0
    }
}

impl TryFrom<CrearBody> for commands::CrearReserva {
    type Error = Violations;

    fn try_from(body: CrearBody) -> Result<Self, Violations> {
        let CrearBody { itinerarios, id_cliente, pasajeros } = body;
        let pasajeros =
            pasajeros.map(|all| all.iter().map(|one| (one.tipo.0.as_str(), one.clase.0.as_str())).collect::<Vec<_>>());
        let itinerarios = itinerarios.into_iter().map(Into::into).collect();
        Self::parse(ReservaId::new(), id_cliente.map(Into::into), pasajeros.as_deref(), itinerarios)
    }
}

/// A change that needs no reason.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeReserva)]
pub(super) struct CambioBody {
    /// Which reserva.
    pub(super) id_reserva: Uuid,
}

/// A change that needs a reason.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeReservaConMotivo)]
pub(super) struct CambioConMotivoBody {
    /// Which reserva.
    pub(super) id_reserva: Uuid,
    /// Why: 1 to 500 characters.
    #[schema(example = "ya no viaja")]
    pub(super) motivo: String,
}

/// Which reservas to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filtros {
    /// Only those in this state.
    estado: Option<EstadoDeReserva>,
    /// Only those of this cliente.
    id_cliente: Option<Uuid>,
}

impl Filtros {
    /// The query for a page of them.
    pub(super) fn query(self, paging: Paging) -> TodasLasReservas {
        let estado = self.estado.map(|named| named.0);
        TodasLasReservas { estado, cliente: self.id_cliente.map(Into::into), page: paging.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::queries::ReservaView,
        domain::reserva::{Estado, examples::*},
    };
    use serde_json::{from_value, to_value};

    #[test]
    fn the_parts_of_a_body_have_the_members_of_the_views_that_describe_them() {
        let view = ReservaView::from(en(Estado::Pendiente));
        let CrearBody { itinerarios, id_cliente: _, pasajeros } = from_value(to_value(&view).unwrap()).unwrap();
        let pasajeros = pasajeros.unwrap().into_iter();
        let pasajeros: Vec<_> = pasajeros.map(|PasajeroBody { tipo, clase }| PasajeroView { tipo, clase }).collect();
        assert_eq!((pasajeros, itinerarios.len()), (view.pasajeros, view.itinerarios.len()));
    }
}
