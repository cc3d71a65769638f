//! The expediente of a cliente, with its reservas.

use crate::{
    application::ClientesFault,
    domain::{cliente::ClienteId, expediente::Estado},
};
use chrono::{DateTime, Utc};
use seedwork::application::{Named, Query};
use serde::Serialize;
use uuid::Uuid;

/// Asks for the expediente of this cliente; [`ClientesFault::NoExiste`] if there is no such cliente.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpedienteDeCliente {
    pub cliente: ClienteId,
}

impl Query for ExpedienteDeCliente {
    const NAME: &'static str = "expediente-de-cliente";
    type Output = ExpedienteView;
    type Error = ClientesFault;
}

/// El expediente de un cliente.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = Expediente))]
pub struct ExpedienteView {
    /// El cliente del expediente.
    pub id_cliente: Uuid,
    /// El estado del expediente.
    pub estado: EstadoDeExpediente,
    /// El momento en que se abrió.
    pub fecha_apertura: DateTime<Utc>,
    /// Las reservas del cliente según las últimas noticias de ellas, primero la que sale antes.
    pub reservas: Vec<ReservaView>,
    /// La versión del expediente: aumenta en uno con cada cambio. Los cambios de las reservas no cuentan.
    pub version: u32,
}

pub type EstadoDeExpediente = Named<Estado>;

/// Una reserva en un expediente.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "infrastructure", derive(utoipa::ToSchema), schema(as = ReservaDeExpediente))]
pub struct ReservaView {
    /// El identificador de la reserva.
    pub id_reserva: Uuid,
    /// El estado de la reserva.
    #[cfg_attr(feature = "infrastructure", schema(example = "Pendiente"))]
    pub estado: String,
    /// El origen y el destino del primer odo.
    #[cfg_attr(feature = "infrastructure", schema(example = "BOG-JFK"))]
    pub ruta: String,
    /// El momento de la primera salida.
    pub fecha: DateTime<Utc>,
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
            estado: Estado::Abierto.into(),
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
