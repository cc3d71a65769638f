//! An expediente: the file on a cliente, open as long as the cliente is served. What is heard of the cliente's reservas is
//! shown with it, also after it is closed; that is a read model, which no rule here depends on.

mod error;
mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;

pub use error::ExpedienteError;
pub use estado::{Estado, EstadoInvalido};
pub use events::ExpedienteEvent;

use super::cliente::ClienteId;
use seedwork::domain::{Aggregate, Recorded, Timestamp, Version};

/// The file on a cliente. There is one for each, so it has the cliente's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expediente {
    datos: Datos,
    events: Recorded<ExpedienteEvent>,
}

/// What is known of an expediente: what is stored of it, besides the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    /// Whose it is.
    pub cliente: ClienteId,
    /// Whether the cliente is served.
    pub estado: Estado,
    /// When it was opened.
    pub fecha_apertura: Timestamp,
}

impl Expediente {
    /// Opens the file on a cliente.
    pub fn abrir(cliente: ClienteId, ahora: Timestamp) -> Self {
        let datos = Datos { cliente, estado: Estado::Abierto, fecha_apertura: ahora };
        let mut expediente = Self { datos, events: Recorded::new() };
        expediente.events.record(ExpedienteEvent::Abierto);
        expediente
    }

    /// Rebuilds an expediente that was stored. Only for what was stored: no rule is asked and nothing is recorded.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Closes the file.
    ///
    /// # Errors
    ///
    /// It is closed already.
    pub fn cerrar(&mut self) -> Result<(), ExpedienteError> {
        let (de, a) = (self.datos.estado, Estado::Cerrado);
        if de == a {
            return Err(ExpedienteError::TransicionInvalida { de, a });
        }
        self.datos.estado = a;
        self.events.record(ExpedienteEvent::Cerrado);
        Ok(())
    }

    /// What is known of it.
    pub fn datos(&self) -> &Datos {
        &self.datos
    }

    /// Whether the cliente is served.
    pub fn estado(&self) -> Estado {
        self.datos.estado
    }
}

impl Aggregate for Expediente {
    type Id = ClienteId;
    type Event = ExpedienteEvent;

    fn id(&self) -> ClienteId {
        self.datos.cliente
    }

    fn version(&self) -> Version {
        self.events.version()
    }

    fn take_events(&mut self) -> Vec<ExpedienteEvent> {
        self.events.take()
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
        let refused = ExpedienteError::TransicionInvalida { de: Estado::Cerrado, a: Estado::Cerrado };
        assert_eq!(expediente.cerrar(), Err(refused));
    }
}
