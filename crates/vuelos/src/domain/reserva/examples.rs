//! A reserva in any state, for the tests of this crate.

use super::*;
use uuid::Uuid;

pub(crate) const ID: ReservaId = ReservaId(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001));
pub(crate) const CLIENTE: ClienteId = ClienteId(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_00c1));
pub(crate) const AYER: Timestamp = Timestamp::from_timestamp(1_767_139_200, 0).unwrap();
pub(crate) const AHORA: Timestamp = Timestamp::from_timestamp(1_767_225_600, 123_456_000).unwrap();
/// The take-off of [`bog_jfk`].
pub(crate) const SALIDA: Timestamp = Timestamp::from_timestamp(1_669_122_600, 0).unwrap();

pub(crate) fn aeropuerto(codigo: &str) -> AeropuertoEscrito {
    AeropuertoEscrito { codigo: codigo.into(), nombre: format!("Aeropuerto {codigo}") }
}

/// A leg of an hour, which takes off so many hours after [`SALIDA`].
pub(crate) fn leg(origen: &str, destino: &str, horas: i64) -> LegEscrito {
    let hora = |n: i64| Timestamp::from_timestamp(SALIDA.timestamp() + n * 3_600, 0).unwrap();
    let (origen, destino) = (aeropuerto(origen), aeropuerto(destino));
    LegEscrito { salida: hora(horas), llegada: hora(horas + 1), origen, destino }
}

/// An itinerario with one segmento an odo, whose legs go from airport to airport.
pub(crate) fn itinerario(odos: &[&[&str]]) -> Itinerario<LegEscrito> {
    let mut horas = 0;
    let mut legs = |codigos: &[&str]| {
        codigos
            .windows(2)
            .map(|par| {
                horas += 2;
                leg(par[0], par[1], horas - 2)
            })
            .collect()
    };
    let odo = |codigos: &&[&str]| Odo { segmentos: vec![Segmento { legs: legs(codigos) }] };
    Itinerario { odos: odos.iter().map(odo).collect() }
}

/// There, and not back.
pub(crate) fn itinerarios() -> Itinerarios {
    Itinerarios::parse(vec![itinerario(&[&["BOG", "JFK"]])]).unwrap()
}

pub(crate) fn motivo() -> Motivo {
    Motivo::parse("ya no viaja").unwrap()
}

/// A reserva at version 1 that came to `estado` [yesterday](AYER), without a motivo.
pub(crate) fn en(estado: Estado) -> Reserva {
    una(ID, Some(CLIENTE), estado)
}

/// A reserva like [`en`], with this id and this cliente.
pub(crate) fn una(id: ReservaId, cliente: Option<ClienteId>, estado: Estado) -> Reserva {
    let datos = Datos {
        id,
        cliente,
        pasajeros: Pasajeros::default(),
        itinerarios: itinerarios(),
        estado,
        fecha_creacion: AYER,
        fecha_actualizacion: AYER,
        motivo: None,
    };
    Reserva::restaurar(datos, 1)
}

/// The facts of the event by which a reserva [`en`] some state comes to `estado` [now](AHORA).
pub(crate) fn hechos(estado: Estado, motivo: Option<Motivo>) -> Hechos {
    let datos = Datos { motivo, fecha_actualizacion: AHORA, ..en(estado).datos };
    Hechos { datos, fecha: AHORA, version: 2 }
}
