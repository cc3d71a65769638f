//! An ingesta: one medical image that a provider hands in for a patient, and what became of it.

mod error;
mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;
mod rules;
mod values;

pub use error::IngestaError;
pub use estado::{Estado, EstadoInvalido};
pub use events::{Hechos, IngestaEvent};
pub use values::{
    IdPaciente, IdPacienteInvalido, IdProveedor, IdProveedorInvalido, Motivo, MotivoInvalido, UrlImagen, UrlInvalida,
};

use seedwork::domain::{Aggregate, Recorded, Timestamp, Version};

seedwork::id! {
    /// The id of an ingesta.
    pub struct IngestaId;
}

/// An image on its way through the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingesta {
    datos: Datos,
    events: Recorded<IngestaEvent>,
}

/// What is known of an ingesta: what is stored of it, besides the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    /// Which ingesta.
    pub id: IngestaId,
    /// Who handed the image in.
    pub proveedor: IdProveedor,
    /// Whose image it is.
    pub paciente: IdPaciente,
    /// Where the image is.
    pub url: UrlImagen,
    /// What became of it so far.
    pub estado: Estado,
    /// When it was handed in.
    pub fecha_creacion: Timestamp,
    /// When it last changed.
    pub fecha_actualizacion: Timestamp,
    /// When it was deleted, if it was.
    pub fecha_eliminacion: Option<Timestamp>,
    /// The last reason that somebody gave for a change.
    pub motivo: Option<Motivo>,
}

impl Ingesta {
    /// Takes in an image that lives at `url`.
    pub fn crear(
        id: IngestaId,
        proveedor: IdProveedor,
        paciente: IdPaciente,
        url: UrlImagen,
        ahora: Timestamp,
    ) -> Self {
        let datos = Datos {
            id,
            proveedor,
            paciente,
            url,
            estado: Estado::Creada,
            fecha_creacion: ahora,
            fecha_actualizacion: ahora,
            fecha_eliminacion: None,
            motivo: None,
        };
        let mut ingesta = Self { datos, events: Recorded::new() };
        ingesta.registrar(IngestaEvent::Creada);
        ingesta
    }

    /// Rebuilds an ingesta that was stored. Only for what was stored: no rule is asked and nothing is recorded.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Starts the work on the image, or goes on with it after an alert.
    ///
    /// # Errors
    ///
    /// The transition is not in the table ([`Estado::puede_pasar_a`]).
    pub fn iniciar_procesamiento(&mut self, ahora: Timestamp) -> Result<(), IngestaError> {
        self.pasar_a(Estado::Pendiente, None, ahora, IngestaEvent::EnProceso)
    }

    /// Raises an alert; what is finished, refused or gone can no longer be alerted.
    ///
    /// # Errors
    ///
    /// The transition is not in the table.
    pub fn alertar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), IngestaError> {
        self.pasar_a(Estado::Alertada, Some(motivo), ahora, IngestaEvent::Alertada)
    }

    /// Refuses the image.
    ///
    /// # Errors
    ///
    /// The transition is not in the table.
    pub fn rechazar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), IngestaError> {
        self.pasar_a(Estado::Rechazada, Some(motivo), ahora, IngestaEvent::Rechazada)
    }

    /// Ends the work on the image well.
    ///
    /// # Errors
    ///
    /// The transition is not in the table.
    pub fn finalizar(&mut self, ahora: Timestamp) -> Result<(), IngestaError> {
        self.pasar_a(Estado::Finalizada, None, ahora, IngestaEvent::Finalizada)
    }

    /// Takes back what was begun, because something it needed failed elsewhere: the compensation.
    ///
    /// # Errors
    ///
    /// The transition is not in the table.
    pub fn revertir(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), IngestaError> {
        self.pasar_a(Estado::Fallida, Some(motivo), ahora, IngestaEvent::Fallida)
    }

    /// Deletes the ingesta. It stays readable by its id.
    ///
    /// # Errors
    ///
    /// It is deleted already.
    pub fn eliminar(&mut self, ahora: Timestamp) -> Result<(), IngestaError> {
        self.pasar_a(Estado::Eliminada, None, ahora, IngestaEvent::Eliminada)?;
        self.datos.fecha_eliminacion = Some(ahora);
        Ok(())
    }

    /// What is known of it.
    pub fn datos(&self) -> &Datos {
        &self.datos
    }

    /// What became of it so far.
    pub fn estado(&self) -> Estado {
        self.datos.estado
    }

    /// Changes the state as the table allows. Who gives no reason leaves the last one as it is.
    fn pasar_a(
        &mut self,
        a: Estado,
        motivo: Option<Motivo>,
        ahora: Timestamp,
        evento: fn(Hechos) -> IngestaEvent,
    ) -> Result<(), IngestaError> {
        let de = self.datos.estado;
        if !de.puede_pasar_a(a) {
            return Err(IngestaError::TransicionInvalida { de, a });
        }
        self.datos.estado = a;
        self.datos.fecha_actualizacion = ahora;
        self.datos.motivo = motivo.or(self.datos.motivo.take());
        self.registrar(evento);
        Ok(())
    }

    fn registrar(&mut self, evento: fn(Hechos) -> IngestaEvent) {
        let hechos = Hechos {
            id: self.datos.id,
            proveedor: self.datos.proveedor.clone(),
            paciente: self.datos.paciente.clone(),
            url: self.datos.url.clone(),
            estado: self.datos.estado,
            motivo: self.datos.motivo.clone(),
            fecha: self.datos.fecha_actualizacion,
            version: self.events.next_version(),
        };
        self.events.record(evento(hechos));
    }
}

impl Aggregate for Ingesta {
    type Id = IngestaId;
    type Event = IngestaEvent;

    fn id(&self) -> IngestaId {
        self.datos.id
    }

    fn version(&self) -> Version {
        self.events.version()
    }

    fn take_events(&mut self) -> Vec<IngestaEvent> {
        self.events.take()
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};

    /// A change, the state it leads to and the event it records.
    type Cambio = (fn(&mut Ingesta) -> Result<(), IngestaError>, Estado, fn(Hechos) -> IngestaEvent);

    const CAMBIOS: [Cambio; 6] = [
        (|ingesta| ingesta.iniciar_procesamiento(AHORA), Estado::Pendiente, IngestaEvent::EnProceso),
        (|ingesta| ingesta.alertar(motivo(), AHORA), Estado::Alertada, IngestaEvent::Alertada),
        (|ingesta| ingesta.rechazar(motivo(), AHORA), Estado::Rechazada, IngestaEvent::Rechazada),
        (|ingesta| ingesta.finalizar(AHORA), Estado::Finalizada, IngestaEvent::Finalizada),
        (|ingesta| ingesta.revertir(motivo(), AHORA), Estado::Fallida, IngestaEvent::Fallida),
        (|ingesta| ingesta.eliminar(AHORA), Estado::Eliminada, IngestaEvent::Eliminada),
    ];

    #[test]
    fn a_new_ingesta_is_creada_and_says_so() {
        let mut ingesta = Ingesta::crear(ID, proveedor(), paciente(), url(), AHORA);
        assert_eq!((ingesta.estado(), ingesta.version()), (Estado::Creada, 1));
        assert_eq!(
            ingesta.take_events(),
            [IngestaEvent::Creada(Hechos { version: 1, ..hechos(Estado::Creada, None) })]
        );
    }

    #[test]
    fn every_change_follows_the_table_and_records_one_event() {
        for de in Estado::ALL {
            for (cambiar, a, evento) in CAMBIOS.into_iter().filter(|(_, a, _)| de.puede_pasar_a(*a)) {
                let mut ingesta = en(de);
                cambiar(&mut ingesta).unwrap();
                let motivo = ingesta.datos().motivo.clone();
                assert_eq!((ingesta.estado(), ingesta.datos().fecha_actualizacion), (a, AHORA), "{de} -> {a}");
                assert_eq!(ingesta.take_events(), [evento(hechos(a, motivo))], "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_change_that_the_table_does_not_have_leaves_everything_as_it_was() {
        for de in Estado::ALL {
            for (cambiar, a, _) in CAMBIOS.into_iter().filter(|(_, a, _)| !de.puede_pasar_a(*a)) {
                let mut ingesta = en(de);
                assert_eq!(cambiar(&mut ingesta), Err(IngestaError::TransicionInvalida { de, a }));
                assert_eq!(ingesta, en(de), "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_finished_ingesta_cannot_be_alerted() {
        let mut ingesta = en(Estado::Finalizada);
        let refused = IngestaError::TransicionInvalida { de: Estado::Finalizada, a: Estado::Alertada };
        assert_eq!(ingesta.alertar(motivo(), AHORA), Err(refused));
    }

    #[test]
    fn the_motivo_stays_until_somebody_gives_another() {
        let mut ingesta = en(Estado::Creada);
        ingesta.alertar(motivo(), AHORA).unwrap();
        ingesta.iniciar_procesamiento(AHORA).unwrap();
        assert_eq!(ingesta.datos().motivo, Some(motivo()));
        let otro = Motivo::parse("imagen ilegible").unwrap();
        ingesta.rechazar(otro.clone(), AHORA).unwrap();
        assert_eq!(ingesta.datos().motivo, Some(otro));
    }

    #[test]
    fn only_a_deleted_ingesta_has_a_fecha_eliminacion() {
        let mut ingesta = en(Estado::Creada);
        ingesta.iniciar_procesamiento(AYER).unwrap();
        assert_eq!(ingesta.datos().fecha_eliminacion, None);
        ingesta.eliminar(AHORA).unwrap();
        assert_eq!(ingesta.datos().fecha_eliminacion, Some(AHORA));
    }

    #[test]
    fn each_event_tells_the_version_it_brings() {
        let mut ingesta = Ingesta::crear(ID, proveedor(), paciente(), url(), AYER);
        ingesta.iniciar_procesamiento(AHORA).unwrap();
        let [IngestaEvent::Creada(creada), IngestaEvent::EnProceso(en_proceso)] = &ingesta.take_events()[..] else {
            panic!("two events, in the order they happened");
        };
        assert_eq!((creada.version, en_proceso.version, ingesta.version()), (1, 2, 2));
    }
}
