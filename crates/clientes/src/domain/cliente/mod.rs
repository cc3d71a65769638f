//! A cliente: a person (`natural`) or a company (`empresa`) that STA serves.

mod email;
mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;
mod identidad;
mod rules;
mod values;

pub use email::{Email, EmailInvalido};
pub use estado::{Estado, EstadoInvalido, TransicionInvalida};
pub use events::{ClienteEvent, Hechos};
pub use identidad::{
    DocumentoNoCorresponde, Identidad, Nombre, Tipo, TipoDocumento, TipoDocumentoInvalido, TipoInvalido,
};
pub use values::{
    Apellidos, ApellidosInvalidos, Cedula, CedulaInvalida, Ciudad, CiudadInvalida, FechaConstitucion, FechaNacimiento,
    FechaPorVenir, MenorDeEdad, Motivo, MotivoInvalido, Nombres, NombresInvalidos, RazonSocial, RazonSocialInvalida,
    Rut, RutInvalido,
};

use seedwork::domain::{Aggregate, Recorded, Timestamp, Version, Violations};

seedwork::id! {
    /// The id of a cliente.
    pub struct ClienteId;
}

/// A person or a company that STA serves, or served.
#[derive(Debug, Clone, PartialEq, Eq, Aggregate)]
#[aggregate(id = datos.id: ClienteId)]
pub struct Cliente {
    datos: Datos,
    events: Recorded<ClienteEvent>,
}

/// The stored facts of a cliente, besides its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    pub id: ClienteId,
    pub identidad: Identidad,
    pub email: Email,
    /// The city where the document was issued.
    pub ciudad: Ciudad,
    pub estado: Estado,
    /// The reason for the deactivation.
    pub motivo: Option<Motivo>,
    pub fecha_creacion: Timestamp,
}

impl Cliente {
    /// Registers a cliente. That email and document are unique is a rule across clientes: unique indexes enforce it.
    pub fn registrar(
        id: ClienteId,
        identidad: Identidad,
        email: Email,
        ciudad: Ciudad,
        ahora: Timestamp,
    ) -> Result<Self, Violations> {
        identidad.comprobar(ahora.date_naive())?;
        let datos = Datos { id, identidad, email, ciudad, estado: Estado::Activo, motivo: None, fecha_creacion: ahora };
        let mut cliente = Self { datos, events: Recorded::new() };
        cliente.anotar(ClienteEvent::Registrado, ahora);
        Ok(cliente)
    }

    /// Rebuilds a stored cliente: checks no rule and records nothing.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Deactivates the cliente. It stays readable, and its email and its document stay taken.
    pub fn desactivar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Desactivado, ClienteEvent::Desactivado, ahora, |datos| datos.motivo = Some(motivo))
    }

    pub fn datos(&self) -> &Datos {
        &self.datos
    }

    pub fn estado(&self) -> Estado {
        self.datos.estado
    }

    /// Changes the state, then the other facts by `cambiar`, and records the event of the change.
    fn pasar_a(
        &mut self,
        estado: Estado,
        evento: fn(Hechos) -> ClienteEvent,
        ahora: Timestamp,
        cambiar: impl FnOnce(&mut Datos),
    ) -> Result<(), TransicionInvalida> {
        self.datos.estado.change_to(estado)?;
        cambiar(&mut self.datos);
        self.anotar(evento, ahora);
        Ok(())
    }

    /// Records an event with the facts as they are now.
    fn anotar(&mut self, evento: fn(Hechos) -> ClienteEvent, ahora: Timestamp) {
        let hechos = Hechos { datos: self.datos.clone(), fecha: ahora, version: self.events.next_version() };
        self.events.record(evento(hechos));
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};

    #[test]
    fn a_new_cliente_is_activo_and_records_it() {
        let mut cliente = Cliente::registrar(ID, natural(), email(), ciudad(), AHORA).unwrap();
        assert_eq!((cliente.estado(), cliente.version()), (Estado::Activo, 1));
        assert_eq!(cliente.datos().fecha_creacion, AHORA);
        let datos = Datos { fecha_creacion: AHORA, ..en(Estado::Activo).datos };
        assert_eq!(cliente.take_events(), [ClienteEvent::Registrado(Hechos { datos, fecha: AHORA, version: 1 })]);
    }

    #[test]
    fn a_deactivated_cliente_keeps_the_motivo() {
        let mut cliente = en(Estado::Activo);
        cliente.desactivar(motivo(), AHORA).unwrap();
        assert_eq!((cliente.estado(), &cliente.datos().motivo), (Estado::Desactivado, &Some(motivo())));
        assert_eq!(cliente.datos().fecha_creacion, AYER);
        assert_eq!(cliente.take_events(), [ClienteEvent::Desactivado(hechos(Estado::Desactivado, Some(motivo())))]);
    }

    #[test]
    fn a_cliente_is_deactivated_once() {
        let mut cliente = en(Estado::Desactivado);
        let refused = TransicionInvalida { from: Estado::Desactivado, to: Estado::Desactivado };
        assert_eq!(cliente.desactivar(motivo(), AHORA), Err(refused));
        assert_eq!(cliente, en(Estado::Desactivado), "nothing has changed");
    }
}
