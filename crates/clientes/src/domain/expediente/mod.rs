//! An expediente: the file on a cliente, open while the cliente is served. It is shown with the cliente's reservas, also
//! after it is closed. They are a read model: no rule of the expediente depends on them.

mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;

pub use estado::{Estado, EstadoInvalido, TransicionInvalida};
pub use events::ExpedienteEvent;

use super::cliente::ClienteId;
use seedwork::domain::{Aggregate, Recorded, Timestamp, Version};

/// The file on a cliente. A cliente has one, so it has the cliente's id.
#[derive(Debug, Clone, PartialEq, Eq, Aggregate)]
#[aggregate(id = datos.cliente: ClienteId)]
pub struct Expediente {
    datos: Datos,
    events: Recorded<ExpedienteEvent>,
}

/// The stored facts of an expediente, besides its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    pub cliente: ClienteId,
    pub estado: Estado,
    pub fecha_apertura: Timestamp,
}

impl Expediente {
    pub fn abrir(cliente: ClienteId, ahora: Timestamp) -> Self {
        let datos = Datos { cliente, estado: Estado::Abierto, fecha_apertura: ahora };
        let mut expediente = Self { datos, events: Recorded::new() };
        expediente.events.record(ExpedienteEvent::Abierto);
        expediente
    }

    /// Rebuilds a stored expediente: checks no rule and records nothing.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    pub fn cerrar(&mut self) -> Result<(), TransicionInvalida> {
        self.datos.estado.change_to(Estado::Cerrado)?;
        self.events.record(ExpedienteEvent::Cerrado);
        Ok(())
    }

    pub fn datos(&self) -> &Datos {
        &self.datos
    }

    pub fn estado(&self) -> Estado {
        self.datos.estado
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};
    use crate::domain::cliente::examples::{AHORA, ID};

    #[test]
    fn a_new_expediente_is_open() {
        let mut expediente = Expediente::abrir(ID, AHORA);
        assert_eq!((expediente.estado(), expediente.version()), (Estado::Abierto, 1));
        assert_eq!((expediente.id(), expediente.datos().fecha_apertura), (ID, AHORA));
        assert_eq!(expediente.take_events(), [ExpedienteEvent::Abierto]);
    }

    #[test]
    fn an_expediente_is_closed_once() {
        let mut expediente = en(Estado::Abierto);
        expediente.cerrar().unwrap();
        assert_eq!((expediente.estado(), expediente.version()), (Estado::Cerrado, 2));
        assert_eq!(expediente.take_events(), [ExpedienteEvent::Cerrado]);
        let refused = TransicionInvalida { from: Estado::Cerrado, to: Estado::Cerrado };
        assert_eq!(expediente.cerrar(), Err(refused));
    }
}
