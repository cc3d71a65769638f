//! Read models of other contexts' aggregates, as their last known events left them.

use crate::domain::cliente::ClienteId;
use seedwork::{application::ReadModel, domain::Timestamp};
use uuid::Uuid;

/// A reserva in the expediente of a cliente, in the words of the context that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserva {
    pub id: Uuid,
    /// May be unknown in this context.
    pub cliente: ClienteId,
    pub estado: String,
    pub ruta: String,
    /// The departure of the first leg.
    pub fecha: Timestamp,
    /// The version of the reserva that this row shows.
    pub version: i64,
}

impl ReadModel for Reserva {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn order(&self) -> i64 {
        self.version
    }
}
