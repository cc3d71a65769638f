//! The records of the topic `eventos-cliente`: the Rust side of `schema/clientes/v1`.
//!
//! They are separate from the domain's events, so that the domain can change while the published records stay. Nothing is
//! taken from [`Datos`] with `..`: a new field is published, or left out on purpose.

use crate::domain::{
    ClientesEvent,
    cliente::{ClienteEvent, Datos, Hechos, Tipo},
    expediente::ExpedienteEvent::{Abierto, Cerrado},
};
use chrono::serde::ts_microseconds;
use seedwork::{
    application::{IntegrationEvent, Symbol, Translate, UnitOfWork},
    domain::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Decides what leaves the context. A new event does not compile until it has a place here.
impl Translate for ClientesEvent {
    fn translate(&self, uow: &mut impl UnitOfWork) {
        match self {
            Self::Cliente(ClienteEvent::Registrado(hechos)) => uow.publish(&ClienteRegistrado::from(hechos)),
            Self::Cliente(ClienteEvent::Desactivado(hechos)) => {
                uow.publish(&ClienteDesactivado::from(hechos));
            }
            // Stays inside: an expediente only follows its cliente.
            Self::Expediente(Abierto | Cerrado) => {}
        }
    }
}

/// A cliente was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.clientes.v1.ClienteRegistrado", topic = "eventos-cliente", key = id_cliente, version = version)]
pub struct ClienteRegistrado {
    pub id_cliente: Uuid,
    pub tipo: Symbol<Tipo>,
    /// The names of a person, or the razón social of a company, in one text.
    pub nombre: String,
    pub email: String,
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
    pub version: i64,
}

impl From<&Hechos> for ClienteRegistrado {
    fn from(Hechos { datos, fecha, version }: &Hechos) -> Self {
        let Datos { id, identidad, email, ciudad: _, estado: _, motivo: _, fecha_creacion: _ } = datos;
        Self {
            id_cliente: (*id).into(),
            tipo: identidad.tipo().into(),
            nombre: identidad.nombre(),
            email: email.to_string(),
            fecha: *fecha,
            version: (*version).into(),
        }
    }
}

/// A cliente was deactivated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.clientes.v1.ClienteDesactivado", topic = "eventos-cliente", key = id_cliente, version = version)]
pub struct ClienteDesactivado {
    pub id_cliente: Uuid,
    pub motivo: String,
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
    pub version: i64,
}

impl From<&Hechos> for ClienteDesactivado {
    fn from(Hechos { datos, fecha, version }: &Hechos) -> Self {
        let Datos { id, motivo, identidad: _, email: _, ciudad: _, estado: _, fecha_creacion: _ } = datos;
        Self {
            id_cliente: (*id).into(),
            motivo: motivo.as_ref().map(ToString::to_string).unwrap_or_default(),
            fecha: *fecha,
            version: (*version).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::{Estado, examples::*};
    use serde_json::{json, to_value};

    #[test]
    fn a_new_cliente_publishes_all_its_facts() {
        let event = ClienteRegistrado::from(&Hechos { version: 1, ..hechos(Estado::Activo, None) });
        let expected = json!({
            "id_cliente": "0198c0de-0000-7000-8000-000000000001",
            "tipo": "natural",
            "nombre": "Ana María Ñáñez Gil",
            "email": "ana.gil@alpes.example",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 1,
        });
        assert_eq!(to_value(event).unwrap(), expected);
        let datos = una_empresa().datos().clone();
        let event = ClienteRegistrado::from(&Hechos { datos, ..hechos(Estado::Activo, None) });
        assert_eq!((event.tipo, event.nombre.as_str()), (Symbol::Known(Tipo::Empresa), "Clínica de los Alpes S.A.S."));
    }

    #[test]
    fn a_cliente_that_leaves_publishes_the_motivo() {
        let event = ClienteDesactivado::from(&hechos(Estado::Desactivado, Some(motivo())));
        let expected = json!({
            "id_cliente": "0198c0de-0000-7000-8000-000000000001",
            "motivo": "se va",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 2,
        });
        assert_eq!(to_value(event).unwrap(), expected);
    }

    #[test]
    fn messages_of_one_cliente_have_its_id_as_key_and_its_version() {
        let event = ClienteDesactivado::from(&hechos(Estado::Desactivado, Some(motivo())));
        assert_eq!((event.key(), event.aggregate_version()), (ID.to_string(), Some(2)));
    }
}
