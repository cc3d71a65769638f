//! A reserva: a booking of flights, from the request to the payment or the cancellation.

mod estado;
mod events;
#[cfg(test)]
pub(crate) mod examples;
mod itinerario;
mod pasajero;
mod pendientes;
mod rules;
mod ruta;
mod values;

pub use estado::{Estado, EstadoInvalido, TransicionInvalida};
pub use events::{Hechos, ReservaEvent};
pub use itinerario::{
    Aeropuerto, AeropuertoEscrito, FechaInvalida, Itinerario, Itinerarios, Leg, LegEscrito, LlegadaNoPosterior,
    MaximoTramos, MinimoUnItinerario, MinimoUnTramo, Odo, RutaInvalida, Segmento, TramosDesconectados,
};
pub use pasajero::{
    Clase, ClaseInvalida, MaximoPasajeros, MinimoUnAdulto, Pasajero, Pasajeros, TipoPasajero, TipoPasajeroInvalido,
};
pub use pendientes::PendientesDe;
pub use ruta::{Ruta, TipoVuelo, TipoVueloInvalido};
pub use values::{CodigoIata, CodigoIataInvalido, Motivo, MotivoInvalido, NombreAeropuerto, NombreInvalido};

use seedwork::domain::{Aggregate, Recorded, Timestamp, Version};

seedwork::id! {
    /// The id of a reserva.
    pub struct ReservaId;
}

seedwork::id! {
    /// The id of a cliente, whom only another context knows.
    pub struct ClienteId;
}

/// A booking of flights.
#[derive(Debug, Clone, PartialEq, Eq, Aggregate)]
#[aggregate(id = datos.id: ReservaId)]
pub struct Reserva {
    datos: Datos,
    events: Recorded<ReservaEvent>,
}

/// The stored facts of a reserva, besides its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    pub id: ReservaId,
    pub cliente: Option<ClienteId>,
    pub pasajeros: Pasajeros,
    pub itinerarios: Itinerarios,
    pub estado: Estado,
    pub fecha_creacion: Timestamp,
    pub fecha_actualizacion: Timestamp,
    /// The reason of the last change that had one.
    pub motivo: Option<Motivo>,
}

impl Reserva {
    /// Asks for flights.
    pub fn crear(
        id: ReservaId,
        cliente: Option<ClienteId>,
        pasajeros: Pasajeros,
        itinerarios: Itinerarios,
        ahora: Timestamp,
    ) -> Self {
        let datos = Datos {
            id,
            cliente,
            pasajeros,
            itinerarios,
            estado: Estado::Pendiente,
            fecha_creacion: ahora,
            fecha_actualizacion: ahora,
            motivo: None,
        };
        let mut reserva = Self { datos, events: Recorded::new() };
        reserva.anotar(ReservaEvent::Creada, ahora);
        reserva
    }

    /// Rebuilds a stored reserva: checks no rule and records nothing.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Accepts the reserva.
    pub fn aprobar(&mut self, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Aprobada, ReservaEvent::Aprobada, ahora, |_| ())
    }

    /// Notes the payment.
    pub fn pagar(&mut self, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Pagada, ReservaEvent::Pagada, ahora, |_| ())
    }

    /// Cancels the reserva.
    pub fn cancelar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), TransicionInvalida> {
        self.pasar_a(Estado::Cancelada, ReservaEvent::Cancelada, ahora, |datos| datos.motivo = Some(motivo))
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
        evento: fn(Hechos) -> ReservaEvent,
        ahora: Timestamp,
        cambiar: impl FnOnce(&mut Datos),
    ) -> Result<(), TransicionInvalida> {
        self.datos.estado.change_to(estado)?;
        cambiar(&mut self.datos);
        self.anotar(evento, ahora);
        Ok(())
    }

    /// Records an event with the facts as they are now.
    fn anotar(&mut self, evento: fn(Hechos) -> ReservaEvent, ahora: Timestamp) {
        self.datos.fecha_actualizacion = ahora;
        let hechos = Hechos { datos: self.datos.clone(), fecha: ahora, version: self.events.next_version() };
        self.events.record(evento(hechos));
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};

    /// A change, the state it leads to and the event it records.
    type Cambio = (fn(&mut Reserva) -> Result<(), TransicionInvalida>, Estado, fn(Hechos) -> ReservaEvent);

    const CAMBIOS: [Cambio; 3] = [
        (|reserva| reserva.aprobar(AHORA), Estado::Aprobada, ReservaEvent::Aprobada),
        (|reserva| reserva.pagar(AHORA), Estado::Pagada, ReservaEvent::Pagada),
        (|reserva| reserva.cancelar(motivo(), AHORA), Estado::Cancelada, ReservaEvent::Cancelada),
    ];

    #[test]
    fn a_new_reserva_is_pendiente_and_records_it() {
        let mut reserva = Reserva::crear(ID, Some(CLIENTE), Pasajeros::default(), itinerarios(), AHORA);
        assert_eq!((reserva.estado(), reserva.version()), (Estado::Pendiente, 1));
        let datos = Datos { fecha_creacion: AHORA, ..hechos(Estado::Pendiente, None).datos };
        assert_eq!(reserva.take_events(), [ReservaEvent::Creada(Hechos { datos, fecha: AHORA, version: 1 })]);
    }

    #[test]
    fn every_change_follows_the_table_and_records_one_event() {
        for de in Estado::ALL {
            for (cambiar, a, evento) in CAMBIOS.into_iter().filter(|(_, a, _)| de.can_change_to(*a)) {
                let mut reserva = en(de);
                cambiar(&mut reserva).unwrap();
                let motivo = reserva.datos().motivo.clone();
                assert_eq!((reserva.estado(), reserva.datos().fecha_actualizacion), (a, AHORA), "{de} -> {a}");
                assert_eq!(reserva.take_events(), [evento(hechos(a, motivo))], "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_change_that_the_table_does_not_have_leaves_everything_as_it_was() {
        for de in Estado::ALL {
            for (cambiar, a, _) in CAMBIOS.into_iter().filter(|(_, a, _)| !de.can_change_to(*a)) {
                let mut reserva = en(de);
                assert_eq!(cambiar(&mut reserva), Err(TransicionInvalida { from: de, to: a }));
                assert_eq!(reserva, en(de), "{de} -> {a}");
            }
        }
    }

    #[test]
    fn a_paid_reserva_can_no_longer_be_cancelled() {
        let refused = TransicionInvalida { from: Estado::Pagada, to: Estado::Cancelada };
        assert_eq!(en(Estado::Pagada).cancelar(motivo(), AHORA), Err(refused));
    }

    #[test]
    fn each_event_has_the_version_that_it_brings() {
        let mut reserva = Reserva::crear(ID, None, Pasajeros::default(), itinerarios(), AYER);
        reserva.aprobar(AHORA).unwrap();
        let [ReservaEvent::Creada(creada), ReservaEvent::Aprobada(aprobada)] = &reserva.take_events()[..] else {
            panic!("two events, in the order they happened");
        };
        assert_eq!((creada.version, aprobada.version, reserva.version()), (1, 2, 2));
    }
}
