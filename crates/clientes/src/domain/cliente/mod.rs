//! A cliente: a person (`natural`) or a company (`empresa`) that STA serves, until it leaves.

mod email;
mod error;
mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;
mod identidad;
mod rules;
mod values;

pub use email::{Email, EmailInvalido};
pub use error::ClienteError;
pub use estado::{Estado, EstadoInvalido};
pub use events::{ClienteEvent, Hechos};
pub use identidad::{
    DocumentoNoCorresponde, Identidad, Nombre, Tipo, TipoDocumento, TipoDocumentoInvalido, TipoInvalido,
};
pub use values::{
    Apellidos, ApellidosInvalidos, Cedula, CedulaInvalida, Ciudad, CiudadInvalida, FechaConstitucion, FechaNacimiento,
    FechaPorVenir, MenorDeEdad, Motivo, MotivoInvalido, Nombres, NombresInvalidos, RazonSocial, RazonSocialInvalida,
    Rut, RutInvalido,
};

use seedwork::domain::{Aggregate, Recorded, Timestamp, Version};

seedwork::id! {
    /// The id of a cliente.
    pub struct ClienteId;
}

/// Somebody whom STA serves, or served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cliente {
    datos: Datos,
    events: Recorded<ClienteEvent>,
}

/// What is known of a cliente: what is stored of it, besides the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    /// Which cliente.
    pub id: ClienteId,
    /// Who it is by law.
    pub identidad: Identidad,
    /// Where it is written to.
    pub email: Email,
    /// Where its document was issued.
    pub ciudad: Ciudad,
    /// Whether it is served.
    pub estado: Estado,
    /// Why it left, if it did.
    pub motivo: Option<Motivo>,
    /// When it was registered.
    pub fecha_creacion: Timestamp,
}

impl Cliente {
    /// Takes somebody on. That nobody else has this email or this document is for the whole of the clientes to say.
    pub fn registrar(id: ClienteId, identidad: Identidad, email: Email, ciudad: Ciudad, ahora: Timestamp) -> Self {
        let datos = Datos { id, identidad, email, ciudad, estado: Estado::Activo, motivo: None, fecha_creacion: ahora };
        let mut cliente = Self { datos, events: Recorded::new() };
        cliente.anotar(ClienteEvent::Registrado, ahora);
        cliente
    }

    /// Rebuilds a cliente that was stored. Only for what was stored: no rule is asked and nothing is recorded.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Lets the cliente go. It stays readable, and its email and its document stay taken.
    ///
    /// # Errors
    ///
    /// It is gone already.
    pub fn desactivar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), ClienteError> {
        let (de, a) = (self.datos.estado, Estado::Desactivado);
        if de == a {
            return Err(ClienteError::TransicionInvalida { de, a });
        }
        self.datos.estado = a;
        self.datos.motivo = Some(motivo);
        self.anotar(ClienteEvent::Desactivado, ahora);
        Ok(())
    }

    /// What is known of it.
    pub fn datos(&self) -> &Datos {
        &self.datos
    }

    /// Whether it is served.
    pub fn estado(&self) -> Estado {
        self.datos.estado
    }

    fn anotar(&mut self, evento: fn(Hechos) -> ClienteEvent, fecha: Timestamp) {
        let hechos = Hechos {
            id: self.datos.id,
            identidad: self.datos.identidad.clone(),
            email: self.datos.email.clone(),
            motivo: self.datos.motivo.clone(),
            fecha,
            version: self.events.next_version(),
        };
        self.events.record(evento(hechos));
    }
}

impl Aggregate for Cliente {
    type Id = ClienteId;
    type Event = ClienteEvent;

    fn id(&self) -> ClienteId {
        self.datos.id
    }

    fn version(&self) -> Version {
        self.events.version()
    }

    fn take_events(&mut self) -> Vec<ClienteEvent> {
        self.events.take()
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};

    #[test]
    fn a_new_cliente_is_activo_and_says_so() {
        let mut cliente = Cliente::registrar(ID, natural(), email(), ciudad(), AHORA);
        assert_eq!((cliente.estado(), cliente.version()), (Estado::Activo, 1));
        assert_eq!(cliente.datos().fecha_creacion, AHORA);
        assert_eq!(cliente.take_events(), [ClienteEvent::Registrado(Hechos { version: 1, ..hechos(None) })]);
    }

    #[test]
    fn a_cliente_that_leaves_says_why() {
        let mut cliente = en(Estado::Activo);
        cliente.desactivar(motivo(), AHORA).unwrap();
        assert_eq!((cliente.estado(), &cliente.datos().motivo), (Estado::Desactivado, &Some(motivo())));
        assert_eq!(cliente.datos().fecha_creacion, AYER);
        assert_eq!(cliente.take_events(), [ClienteEvent::Desactivado(hechos(Some(motivo())))]);
    }

    #[test]
    fn a_cliente_leaves_only_once() {
        let mut cliente = en(Estado::Desactivado);
        let refused = ClienteError::TransicionInvalida { de: Estado::Desactivado, a: Estado::Desactivado };
        assert_eq!(cliente.desactivar(motivo(), AHORA), Err(refused));
        assert_eq!(cliente, en(Estado::Desactivado), "nothing has changed");
    }
}
