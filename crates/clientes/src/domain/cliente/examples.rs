//! Clientes in any state, for the tests of this crate.

use super::*;
use chrono::NaiveDate;
use uuid::Uuid;

pub(crate) const ID: ClienteId = ClienteId(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001));
pub(crate) const AYER: Timestamp = Timestamp::from_timestamp(1_767_139_200, 0).unwrap();
pub(crate) const AHORA: Timestamp = Timestamp::from_timestamp(1_767_225_600, 123_456_000).unwrap();
pub(crate) const NACIMIENTO: NaiveDate = NaiveDate::from_ymd_opt(1990, 2, 28).unwrap();
pub(crate) const CONSTITUCION: NaiveDate = NaiveDate::from_ymd_opt(2001, 12, 31).unwrap();

pub(crate) fn natural() -> Identidad {
    Identidad::Natural {
        nombre: Nombre {
            nombres: Nombres::parse("Ana María").unwrap(),
            apellidos: Apellidos::parse("Ñáñez Gil").unwrap(),
        },
        cedula: Cedula::parse("1020304050").unwrap(),
        nacimiento: FechaNacimiento::new(NACIMIENTO),
    }
}

pub(crate) fn empresa() -> Identidad {
    Identidad::Empresa {
        razon_social: RazonSocial::parse("Clínica de los Alpes S.A.S.").unwrap(),
        rut: Rut::parse("900123456-8").unwrap(),
        constitucion: FechaConstitucion::new(CONSTITUCION),
    }
}

pub(crate) fn email() -> Email {
    Email::parse("ana.gil@alpes.example").unwrap()
}

pub(crate) fn ciudad() -> Ciudad {
    Ciudad::parse("Bogotá").unwrap()
}

pub(crate) fn motivo() -> Motivo {
    Motivo::parse("se va").unwrap()
}

/// A person at version 1, who was registered [yesterday](AYER) and came to `estado` without a motivo.
pub(crate) fn en(estado: Estado) -> Cliente {
    let datos = Datos {
        id: ID,
        identidad: natural(),
        email: email(),
        ciudad: ciudad(),
        estado,
        motivo: None,
        fecha_creacion: AYER,
    };
    Cliente::restaurar(datos, 1)
}

/// A company that was registered yesterday.
pub(crate) fn una_empresa() -> Cliente {
    Cliente::restaurar(Datos { identidad: empresa(), ..en(Estado::Activo).datos().clone() }, 1)
}

/// The facts of the event by which a cliente comes to `estado` [now](AHORA).
pub(crate) fn hechos(estado: Estado, motivo: Option<Motivo>) -> Hechos {
    Hechos { datos: Datos { motivo, ..en(estado).datos }, fecha: AHORA, version: 2 }
}
