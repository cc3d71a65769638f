//! A reserva: flights that somebody asks for, and what became of it.

mod error;
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

pub use error::ReservaError;
pub use estado::{Estado, EstadoInvalido};
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
    /// The id of a cliente. Whether there is one is for another context to know.
    pub struct ClienteId;
}

/// Flights that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserva {
    datos: Datos,
    events: Recorded<ReservaEvent>,
}

/// What is known of a reserva: what is stored of it, besides the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datos {
    /// Which reserva.
    pub id: ReservaId,
    /// Whose it is, if anybody's.
    pub cliente: Option<ClienteId>,
    /// Who travels.
    pub pasajeros: Pasajeros,
    /// How they fly.
    pub itinerarios: Itinerarios,
    /// What became of it so far.
    pub estado: Estado,
    /// When it was asked for.
    pub fecha_creacion: Timestamp,
    /// When it last changed.
    pub fecha_actualizacion: Timestamp,
    /// The last reason that somebody gave for a change.
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
        reserva.registrar(ReservaEvent::Creada);
        reserva
    }

    /// Rebuilds a reserva that was stored. Only for what was stored: no rule is asked and nothing is recorded.
    pub fn restaurar(datos: Datos, version: Version) -> Self {
        Self { datos, events: Recorded::since(version) }
    }

    /// Accepts it.
    ///
    /// # Errors
    ///
    /// The transition is not in the table ([`Estado::puede_pasar_a`]).
    pub fn aprobar(&mut self, ahora: Timestamp) -> Result<(), ReservaError> {
        self.pasar_a(Estado::Aprobada, None, ahora, ReservaEvent::Aprobada)
    }

    /// Notes that it is paid; what was never accepted cannot be.
    ///
    /// # Errors
    ///
    /// The transition is not in the table.
    pub fn pagar(&mut self, ahora: Timestamp) -> Result<(), ReservaError> {
        self.pasar_a(Estado::Pagada, None, ahora, ReservaEvent::Pagada)
    }

    /// Gives it up; what is paid can no longer be given up.
    ///
    /// # Errors
    ///
    /// The transition is not in the table.
    pub fn cancelar(&mut self, motivo: Motivo, ahora: Timestamp) -> Result<(), ReservaError> {
        self.pasar_a(Estado::Cancelada, Some(motivo), ahora, ReservaEvent::Cancelada)
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
        evento: fn(Hechos) -> ReservaEvent,
    ) -> Result<(), ReservaError> {
        let de = self.datos.estado;
        if !de.puede_pasar_a(a) {
            return Err(ReservaError::TransicionInvalida { de, a });
        }
        self.datos.estado = a;
        self.datos.fecha_actualizacion = ahora;
        self.datos.motivo = motivo.or(self.datos.motivo.take());
        self.registrar(evento);
        Ok(())
    }

    fn registrar(&mut self, evento: fn(Hechos) -> ReservaEvent) {
        let itinerarios = &self.datos.itinerarios;
        let hechos = Hechos {
            id: self.datos.id,
            cliente: self.datos.cliente,
            estado: self.datos.estado,
            tipo_vuelo: itinerarios.tipo_vuelo(),
            ruta: itinerarios.ruta().clone(),
            fecha_salida: itinerarios.fecha_salida(),
            motivo: self.datos.motivo.clone(),
            fecha: self.datos.fecha_actualizacion,
            version: self.events.next_version(),
        };
        self.events.record(evento(hechos));
    }
}

impl Aggregate for Reserva {
    type Id = ReservaId;
    type Event = ReservaEvent;

    fn id(&self) -> ReservaId {
        self.datos.id
    }

    fn version(&self) -> Version {
        self.events.version()
    }

    fn take_events(&mut self) -> Vec<ReservaEvent> {
        self.events.take()
    }
}

#[cfg(test)]
mod tests {
    use super::{examples::*, *};

    /// A change, the state it leads to and the event it records.
    type Cambio = (fn(&mut Reserva) -> Result<(), ReservaError>, Estado, fn(Hechos) -> ReservaEvent);

    const CAMBIOS: [Cambio; 3] = [
        (|reserva| reserva.aprobar(AHORA), Estado::Aprobada, ReservaEvent::Aprobada),
        (|reserva| reserva.pagar(AHORA), Estado::Pagada, ReservaEvent::Pagada),
        (|reserva| reserva.cancelar(motivo(), AHORA), Estado::Cancelada, ReservaEvent::Cancelada),
    ];

    #[test]
    fn a_new_reserva_is_pendiente_and_says_so() {
        let mut reserva = Reserva::crear(ID, Some(CLIENTE), Pasajeros::default(), itinerarios(), AHORA);
        assert_eq!((reserva.estado(), reserva.version()), (Estado::Pendiente, 1));
        assert_eq!(
            reserva.take_events(),
            [ReservaEvent::Creada(Hechos { version: 1, ..hechos(Estado::Pendiente, None) })]
        );
    }

    #[test]
    fn every_change_follows_the_table_and_records_one_event() {
        for de in Estado::ALL {
            for (cambiar, a, evento) in CAMBIOS.into_iter().filter(|(_, a, _)| de.puede_pasar_a(*a)) {
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
            for (cambiar, a, _) in CAMBIOS.into_iter().filter(|(_, a, _)| !de.puede_pasar_a(*a)) {
                let mut reserva = en(de);
                assert_eq!(cambiar(&mut reserva), Err(ReservaError::TransicionInvalida { de, a }));
                assert_eq!(reserva, en(de), "{de} -> {a}");
            }
        }
    }

    #[test]
    fn what_is_paid_can_no_longer_be_given_up() {
        let refused = ReservaError::TransicionInvalida { de: Estado::Pagada, a: Estado::Cancelada };
        assert_eq!(en(Estado::Pagada).cancelar(motivo(), AHORA), Err(refused));
    }

    #[test]
    fn each_event_tells_the_version_it_brings() {
        let mut reserva = Reserva::crear(ID, None, Pasajeros::default(), itinerarios(), AYER);
        reserva.aprobar(AHORA).unwrap();
        let [ReservaEvent::Creada(creada), ReservaEvent::Aprobada(aprobada)] = &reserva.take_events()[..] else {
            panic!("two events, in the order they happened");
        };
        assert_eq!((creada.version, aprobada.version, reserva.version()), (1, 2, 2));
    }
}
