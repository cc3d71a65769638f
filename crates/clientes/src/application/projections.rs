//! What this context shows of what is kept elsewhere, as it was last heard.

use crate::domain::cliente::ClienteId;
use seedwork::{application::ReadModel, domain::Timestamp};
use uuid::Uuid;

/// A reserva in the expediente of a cliente, in the words of those who keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserva {
    /// Which reserva.
    pub id: Uuid,
    /// Whose it is. The cliente may be unknown here.
    pub cliente: ClienteId,
    /// What became of it.
    pub estado: String,
    /// Where the first odo begins and ends: `BOG-JFK`.
    pub ruta: String,
    /// When the first leg takes off.
    pub fecha: Timestamp,
    /// The version of the reserva in which it was so.
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
