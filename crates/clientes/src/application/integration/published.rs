//! The records of `eventos-cliente`: what `schema/clientes/v1` says, in Rust.
//!
//! They are apart from the domain's events, so that the domain can change and what was promised to the world does not.

use crate::domain::cliente::{Hechos, Tipo};
use chrono::serde::ts_microseconds;
use seedwork::{
    application::{IntegrationEvent, Symbol},
    domain::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A cliente was taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.clientes.v1.ClienteRegistrado", topic = "eventos-cliente", key = id_cliente, version = version)]
pub struct ClienteRegistrado {
    /// Which cliente.
    pub id_cliente: Uuid,
    /// A person or a company.
    pub tipo: Symbol<Tipo>,
    /// What it is called, in one text.
    pub nombre: String,
    /// Where it is written to.
    pub email: String,
    /// When this happened.
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
    /// The version of the cliente that this brought: 1.
    pub version: i64,
}

impl From<&Hechos> for ClienteRegistrado {
    fn from(hechos: &Hechos) -> Self {
        Self {
            id_cliente: hechos.id.into(),
            tipo: hechos.identidad.tipo().into(),
            nombre: hechos.identidad.nombre(),
            email: hechos.email.to_string(),
            fecha: hechos.fecha,
            version: hechos.version.into(),
        }
    }
}

/// A cliente left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntegrationEvent)]
#[event(record = "sta.clientes.v1.ClienteDesactivado", topic = "eventos-cliente", key = id_cliente, version = version)]
pub struct ClienteDesactivado {
    /// Which cliente.
    pub id_cliente: Uuid,
    /// Why.
    pub motivo: String,
    /// When this happened.
    #[serde(with = "ts_microseconds")]
    pub fecha: Timestamp,
    /// The version of the cliente that this brought: one more than the last.
    pub version: i64,
}

impl From<&Hechos> for ClienteDesactivado {
    fn from(hechos: &Hechos) -> Self {
        Self {
            id_cliente: hechos.id.into(),
            motivo: hechos.motivo.as_ref().map(ToString::to_string).unwrap_or_default(),
            fecha: hechos.fecha,
            version: hechos.version.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::examples::*;
    use serde_json::{json, to_value};

    #[test]
    fn a_new_cliente_tells_all_its_facts() {
        let event = ClienteRegistrado::from(&Hechos { version: 1, ..hechos(None) });
        let expected = json!({
            "id_cliente": "0198c0de-0000-7000-8000-000000000001",
            "tipo": "natural",
            "nombre": "Ana María Ñáñez Gil",
            "email": "ana.gil@alpes.example",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 1,
        });
        assert_eq!(to_value(event).unwrap(), expected);
        let event = ClienteRegistrado::from(&Hechos { identidad: empresa(), ..hechos(None) });
        assert_eq!((event.tipo, event.nombre.as_str()), (Tipo::Empresa.into(), "Clínica de los Alpes S.A.S."));
    }

    #[test]
    fn a_cliente_that_leaves_tells_the_motivo() {
        let event = ClienteDesactivado::from(&hechos(Some(motivo())));
        let expected = json!({
            "id_cliente": "0198c0de-0000-7000-8000-000000000001",
            "motivo": "se va",
            "fecha": 1_767_225_600_123_456_i64,
            "version": 2,
        });
        assert_eq!(to_value(event).unwrap(), expected);
    }

    #[test]
    fn messages_of_one_cliente_share_its_id_as_key_and_tell_its_version() {
        let event = ClienteDesactivado::from(&hechos(Some(motivo())));
        assert_eq!((event.key(), event.aggregate_version()), (ID.to_string(), Some(2)));
    }
}
