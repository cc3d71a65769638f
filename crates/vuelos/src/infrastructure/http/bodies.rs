//! The requests, and the commands and queries that they become. `/spec` publishes the docs of bodies and parameters, so
//! these are Spanish.

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
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Los vuelos que se reservan.
#[derive(Deserialize, ToSchema)]
#[schema(as = CrearReserva)]
pub(super) struct CrearBody {
    /// Los itinerarios: al menos uno, y 100 tramos como máximo en total.
    #[schema(value_type = Vec<ItinerarioView>, min_items = 1, max_items = 100)]
    itinerarios: Vec<Itinerario<Momento>>,
    /// El cliente de la reserva. Sin él, no es de nadie. No se comprueba que exista.
    id_cliente: Option<Uuid>,
    /// Los pasajeros: al menos un `Adulto`, y 100 como máximo. Sin ellos, un `Adulto` en `Economica`.
    #[schema(
        value_type = Option<Vec<PasajeroView>>,
        min_items = 1,
        max_items = 100,
        example = json!([{"tipo": "Adulto", "clase": "Economica"}]),
    )]
    pasajeros: Option<Vec<PasajeroBody>>,
}

/// Described by [`PasajeroView`], which has the same members.
#[derive(Deserialize)]
struct PasajeroBody {
    tipo: TipoDePasajero,
    clase: ClaseDePasajero,
}

/// A moment in the form of RFC 3339.
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

/// Un cambio que no necesita motivo.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeReserva)]
pub(super) struct CambioBody {
    /// El id de la reserva.
    pub(super) id_reserva: Uuid,
}

/// Un cambio que necesita un motivo.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeReservaConMotivo)]
pub(super) struct CambioConMotivoBody {
    /// El id de la reserva.
    pub(super) id_reserva: Uuid,
    /// El motivo: de 1 a 500 caracteres.
    #[schema(example = "ya no viaja")]
    pub(super) motivo: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filtros {
    /// Solo las que están en este estado.
    estado: Option<EstadoDeReserva>,
    /// Solo las de este cliente.
    id_cliente: Option<Uuid>,
}

impl Filtros {
    /// Makes the query for one page.
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
        let view = ReservaView::from(&en(Estado::Pendiente));
        let CrearBody { itinerarios, id_cliente: _, pasajeros } = from_value(to_value(&view).unwrap()).unwrap();
        let pasajeros = pasajeros.unwrap().into_iter();
        let pasajeros: Vec<_> = pasajeros.map(|PasajeroBody { tipo, clase }| PasajeroView { tipo, clase }).collect();
        assert_eq!((pasajeros, itinerarios.len()), (view.pasajeros, view.itinerarios.len()));
    }
}
