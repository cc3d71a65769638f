//! An ingesta: one medical image that a provider hands in for a patient, from its arrival to its end.

mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;
mod rules;
mod values;

pub use estado::{Estado, EstadoInvalido, TransicionInvalida};
pub use events::{Hechos, IngestaEvent};
pub use values::{
    IdPaciente, IdPacienteInvalido, IdProveedor, IdProveedorInvalido, Motivo, MotivoInvalido, UrlImagen, UrlInvalida,
};

use seedwork::domain::{Aggregate, Recorded, Timestamp, Version};

seedwork::id! {
    /// The id of an ingesta.
    pub struct IngestaId;
}

/// An image that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Aggregate)]
#[aggregate(id = datos.id: IngestaId)]
pub struct Ingesta {
    datos: Datos,
    events: Recorded<IngestaEvent>,
}

/// The stored facts of an ingesta, besides its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    pub id: IngestaId,
    pub proveedor: IdProveedor,
    pub paciente: IdPaciente,
    pub url: UrlImagen,
    pub estado: Estado,
    pub fecha_creacion: Timestamp,
    pub fecha_actualizacion: Timestamp,
    pub fecha_eliminacion: Option<Timestamp>,
    /// The reason of the last change that had one.
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
        ingesta.anotar(IngestaEvent::Creada, ahora);
        ingesta
    }

    /// Rebuilds a stored ingesta: checks no rule and records nothing.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Starts the work on the image, or continues it after an alert.
    pub fn iniciar_procesamiento(&mut self, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Pendiente, IngestaEvent::EnProceso, ahora, |_| ())
    }

    /// Raises an alert.
    pub fn alertar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Alertada, IngestaEvent::Alertada, ahora, |datos| datos.motivo = Some(motivo))
    }

    /// Refuses the image.
    pub fn rechazar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Rechazada, IngestaEvent::Rechazada, ahora, |datos| datos.motivo = Some(motivo))
    }

    /// Ends the work on the image successfully.
    pub fn finalizar(&mut self, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Finalizada, IngestaEvent::Finalizada, ahora, |_| ())
    }

    /// Takes back what was begun, because something it needed failed elsewhere: the compensation.
    pub fn revertir(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Fallida, IngestaEvent::Fallida, ahora, |datos| datos.motivo = Some(motivo))
    }

    /// Deletes the ingesta. It stays readable by its id.
    pub fn eliminar(&mut self, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        let eliminada = |datos: &mut Datos| datos.fecha_eliminacion = Some(ahora);
        self.pasar_a(Estado::Eliminada, IngestaEvent::Eliminada, ahora, eliminada)
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
        evento: fn(Hechos) -> IngestaEvent,
        ahora: Timestamp,
        cambiar: impl FnOnce(&mut Datos),
    ) -> Result<(), TransicionInvalida> {
        self.datos.estado.change_to(estado)?;
        cambiar(&mut self.datos);
        self.anotar(evento, ahora);
        Ok(())
    }

    /// Records an event with the facts as they are now.
    fn anotar(&mut self, evento: fn(Hechos) -> IngestaEvent, ahora: Timestamp) {
        self.datos.fecha_actualizacion = ahora;
        let hechos = Hechos { datos: self.datos.clone(), fecha: ahora, version: self.events.next_version() };
        self.events.record(evento(hechos));
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};

    /// A change, the state it leads to and the event it records.
    type Cambio = (fn(&mut Ingesta) -> Result<(), TransicionInvalida>, Estado, fn(Hechos) -> IngestaEvent);

    const CAMBIOS: [Cambio; 6] = [
        (|ingesta| ingesta.iniciar_procesamiento(AHORA), Estado::Pendiente, IngestaEvent::EnProceso),
        (|ingesta| ingesta.alertar(motivo(), AHORA), Estado::Alertada, IngestaEvent::Alertada),
        (|ingesta| ingesta.rechazar(motivo(), AHORA), Estado::Rechazada, IngestaEvent::Rechazada),
        (|ingesta| ingesta.finalizar(AHORA), Estado::Finalizada, IngestaEvent::Finalizada),
        (|ingesta| ingesta.revertir(motivo(), AHORA), Estado::Fallida, IngestaEvent::Fallida),
        (|ingesta| ingesta.eliminar(AHORA), Estado::Eliminada, IngestaEvent::Eliminada),
    ];

    #[test]
    fn a_new_ingesta_is_creada_and_records_it() {
        let mut ingesta = Ingesta::crear(ID, proveedor(), paciente(), url(), AHORA);
        assert_eq!((ingesta.estado(), ingesta.version()), (Estado::Creada, 1));
        let datos = Datos { fecha_creacion: AHORA, ..hechos(Estado::Creada, None).datos };
        assert_eq!(ingesta.take_events(), [IngestaEvent::Creada(Hechos { datos, fecha: AHORA, version: 1 })]);
    }

    #[test]
    fn every_change_follows_the_table_and_records_one_event() {
        for de in Estado::ALL {
            for (cambiar, a, evento) in CAMBIOS.into_iter().filter(|(_, a, _)| de.can_change_to(*a)) {
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
            for (cambiar, a, _) in CAMBIOS.into_iter().filter(|(_, a, _)| !de.can_change_to(*a)) {
                let mut ingesta = en(de);
                assert_eq!(cambiar(&mut ingesta), Err(TransicionInvalida { from: de, to: a }));
                assert_eq!(ingesta, en(de), "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_finished_ingesta_cannot_be_alerted() {
        let mut ingesta = en(Estado::Finalizada);
        let refused = TransicionInvalida { from: Estado::Finalizada, to: Estado::Alertada };
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
    fn each_event_has_the_version_that_it_brings() {
        let mut ingesta = Ingesta::crear(ID, proveedor(), paciente(), url(), AYER);
        ingesta.iniciar_procesamiento(AHORA).unwrap();
        let [IngestaEvent::Creada(creada), IngestaEvent::EnProceso(en_proceso)] = &ingesta.take_events()[..] else {
            panic!("two events, in the order they happened");
        };
        assert_eq!((creada.version, en_proceso.version, ingesta.version()), (1, 2, 2));
    }
}
