//! The expediente of a cliente, with its reservas.

use crate::{
    application::ClientesFault,
    domain::{cliente::ClienteId, expediente::Estado},
};
use seedwork::{
    application::{Query, by_name},
    domain::{Timestamp, Version},
};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the expediente of this cliente; [`ClientesFault::NoExiste`] when there is no such cliente.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpedienteDeCliente {
    /// Whose.
    pub cliente: ClienteId,
}

impl Query for ExpedienteDeCliente {
    const NAME: &'static str = "expediente-de-cliente";
    type Output = ExpedienteView;
    type Error = ClientesFault;
}

/// An expediente as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpedienteView {
    /// Whose it is.
    pub id_cliente: Uuid,
    /// Whether the cliente is served.
    #[serde(serialize_with = "by_name")]
    pub estado: Estado,
    /// When it was opened.
    pub fecha_apertura: Timestamp,
    /// The cliente's reservas as they were last heard of, the first to leave first.
    pub reservas: Vec<ReservaView>,
    /// How often the expediente itself has changed; what happens to reservas does not count.
    pub version: Version,
}

/// A reserva as clients see it in an expediente.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReservaView {
    /// Which reserva.
    pub id_reserva: Uuid,
    /// What became of it.
    pub estado: String,
    /// Where the first odo begins and ends: `BOG-JFK`.
    pub ruta: String,
    /// When the first leg takes off.
    pub fecha: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::examples::*;

    #[test]
    fn a_client_reads_the_expediente_with_its_reservas() {
        let reserva =
            ReservaView { id_reserva: ID.into(), estado: "Pendiente".into(), ruta: "BOG-JFK".into(), fecha: AYER };
        let view = ExpedienteView {
            id_cliente: ID.into(),
            estado: Estado::Abierto,
            fecha_apertura: AHORA,
            reservas: vec![reserva],
            version: 1,
        };
        let json = concat!(
            r#"{"id_cliente":"0198c0de-0000-7000-8000-000000000001","estado":"Abierto","#,
            r#""fecha_apertura":"2026-01-01T00:00:00.123456Z","reservas":[{"#,
            r#""id_reserva":"0198c0de-0000-7000-8000-000000000001","estado":"Pendiente","ruta":"BOG-JFK","#,
            r#""fecha":"2025-12-31T00:00:00Z"}],"version":1}"#,
        );
        assert_eq!(serde_json::to_string(&view).unwrap(), json);
    }
}
