//! An ingesta in any state, for the tests of this crate.

use super::*;
use uuid::Uuid;

pub(crate) const ID: IngestaId = IngestaId(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001));
pub(crate) const AYER: Timestamp = Timestamp::from_timestamp(1_767_139_200, 0).unwrap();
pub(crate) const AHORA: Timestamp = Timestamp::from_timestamp(1_767_225_600, 123_456_000).unwrap();

pub(crate) fn proveedor() -> IdProveedor {
    IdProveedor::parse("proveedor-7").unwrap()
}

pub(crate) fn paciente() -> IdPaciente {
    IdPaciente::parse("PAC 0042").unwrap()
}

pub(crate) fn url() -> UrlImagen {
    UrlImagen::parse("https://imagenes.example/torax.dcm").unwrap()
}

pub(crate) fn motivo() -> Motivo {
    Motivo::parse("imagen borrosa").unwrap()
}

/// An ingesta at version 1 that came to `estado` [yesterday](AYER), without a motivo.
pub(crate) fn en(estado: Estado) -> Ingesta {
    let datos = Datos {
        id: ID,
        proveedor: proveedor(),
        paciente: paciente(),
        url: url(),
        estado,
        fecha_creacion: AYER,
        fecha_actualizacion: AYER,
        fecha_eliminacion: (estado == Estado::Eliminada).then_some(AYER),
        motivo: None,
    };
    Ingesta::restaurar(datos, 1)
}

/// The facts of the event by which an ingesta [`en`] some state comes to `estado` [now](AHORA).
pub(crate) fn hechos(estado: Estado, motivo: Option<Motivo>) -> Hechos {
    let fecha_eliminacion = (estado == Estado::Eliminada).then_some(AHORA);
    let datos = Datos { motivo, fecha_actualizacion: AHORA, fecha_eliminacion, ..en(estado).datos };
    Hechos { datos, fecha: AHORA, version: 2 }
}
