//! The records of the topic `comandos-reserva`, and the command that each becomes; and the events of other contexts, each
//! with no more fields than this context needs.
//!
//! A decoded record is well-typed, no more. If the domain refuses its values, the sender gets a `ComandoRechazado`.

use super::itinerario::{Itinerario, Micros};
use crate::{application::commands, domain::reserva::ReservaId};
use seedwork::{application::IntegrationEvent, domain::Violations};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A cliente was deactivated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.clientes.v1.ClienteDesactivado", topic = "eventos-cliente", key = id_cliente)]
pub struct ClienteDesactivado {
    pub id_cliente: Uuid,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.vuelos.v1.CrearReserva", topic = "comandos-reserva", key = id_reserva)]
pub struct CrearReserva {
    pub id_reserva: Uuid,
    pub id_cliente: Option<Uuid>,
    pub pasajeros: Vec<Pasajero>,
    pub itinerarios: Vec<Itinerario<Micros>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pasajero {
    /// A symbol of the schema.
    pub tipo: String,
    /// A symbol of the schema.
    pub clase: String,
}

impl TryFrom<CrearReserva> for commands::CrearReserva {
    type Error = Violations;

    fn try_from(record: CrearReserva) -> Result<Self, Violations> {
        let CrearReserva { id_reserva, id_cliente, pasajeros, itinerarios } = record;
        let pasajeros: Vec<_> = pasajeros.iter().map(|one| (one.tipo.as_str(), one.clase.as_str())).collect();
        let itinerarios = itinerarios.into_iter().map(Into::into).collect();
        Self::parse(id_reserva.into(), id_cliente.map(Into::into), Some(&pasajeros), itinerarios)
    }
}

/// Declares the records that ask for a change of a reserva, each with the function that parses it. All have the same
/// fields. A missing `motivo` is parsed as an empty one.
macro_rules! changes {
    ($($(#[$doc:meta])* $record:ident = $full_name:literal, $parse:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
        #[event(record = $full_name, topic = "comandos-reserva", key = id_reserva)]
        pub struct $record {
            pub id_reserva: Uuid,
            pub motivo: Option<String>,
        }

        impl TryFrom<$record> for commands::$record {
            type Error = Violations;

            fn try_from(record: $record) -> Result<Self, Violations> {
                let parse: fn(ReservaId, &str) -> Result<Self, Violations> = $parse;
                parse(record.id_reserva.into(), record.motivo.as_deref().unwrap_or_default())
            }
        }
    )+};
}

changes! {
    /// Asks to accept a reserva.
    AprobarReserva = "sta.vuelos.v1.AprobarReserva", |id, _| Ok(Self { id });
    /// Asks to note the payment of a reserva.
    PagarReserva = "sta.vuelos.v1.PagarReserva", |id, _| Ok(Self { id });
    /// Asks to cancel a reserva.
    CancelarReserva = "sta.vuelos.v1.CancelarReserva", Self::parse;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reserva::{Pasajeros, examples::*};
    use serde_json::{from_value, json};

    fn record() -> CrearReserva {
        let adulto = Pasajero { tipo: "Adulto".into(), clase: "Economica".into() };
        let leg = json!({
            "fecha_salida": 1_669_122_600_000_000_i64,
            "fecha_llegada": 1_669_126_200_000_000_i64,
            "origen": {"codigo": "BOG", "nombre": "Aeropuerto BOG"},
            "destino": {"codigo": "JFK", "nombre": "Aeropuerto JFK"},
        });
        let itinerarios = from_value(json!([{"odos": [{"segmentos": [{"legs": [leg]}]}]}])).unwrap();
        CrearReserva { id_reserva: ID.into(), id_cliente: Some(CLIENTE.into()), pasajeros: vec![adulto], itinerarios }
    }

    #[test]
    fn a_record_becomes_the_command_of_its_name() {
        let (cliente, pasajeros) = (Some(CLIENTE), Pasajeros::default());
        let command = commands::CrearReserva { id: ID, cliente, pasajeros, itinerarios: itinerarios() };
        assert_eq!(record().try_into(), Ok(command));

        let record = CancelarReserva { id_reserva: ID.into(), motivo: Some(motivo().to_string()) };
        assert_eq!(record.try_into(), Ok(commands::CancelarReserva { id: ID, motivo: motivo() }));
    }

    #[test]
    fn a_motivo_that_is_not_needed_is_ignored() {
        let record = PagarReserva { id_reserva: ID.into(), motivo: Some("\0".into()) };
        assert_eq!(record.try_into(), Ok(commands::PagarReserva { id: ID }));
    }

    #[test]
    fn a_motivo_that_is_needed_and_not_there_breaks_its_rule() {
        let record = CancelarReserva { id_reserva: ID.into(), motivo: None };
        assert_eq!(commands::CancelarReserva::try_from(record).unwrap_err().rule(), "motivo-valido");
    }

    #[test]
    fn a_symbol_that_came_after_the_schema_is_refused() {
        let pasajeros = vec![Pasajero { tipo: "Desconocido".into(), clase: "Desconocido".into() }];
        let refused = commands::CrearReserva::try_from(CrearReserva { pasajeros, ..record() }).unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(told, ["pasajeros", "pasajeros[0].tipo", "pasajeros[0].clase"]);
    }
}
