//! The table of reservas: aggregate to row, and back.

use super::json::{ItinerarioJson, PasajeroJson, read, written};
use crate::domain::reserva::{Datos, Estado, Itinerarios, Motivo, Pasajeros, Reserva};
use diesel::{Queryable, Selectable};
use seedwork::{
    domain::{Aggregate, Timestamp, Violations},
    infrastructure::postgres::{Persisted, Row, stored_version},
};
use uuid::Uuid;

diesel::table! {
    reservas (id) {
        id -> Uuid,
        id_cliente -> Nullable<Uuid>,
        estado -> Text,
        tipo_vuelo -> Text,
        ruta -> Text,
        fecha_salida -> Timestamptz,
        pasajeros -> Text,
        itinerarios -> Text,
        fecha_creacion -> Timestamptz,
        fecha_actualizacion -> Timestamptz,
        motivo -> Nullable<Text>,
        version -> Integer,
    }
}

/// A row of the table `reservas`. `tipo_vuelo`, `ruta` and `fecha_salida` are derived from the itinerarios, for queries.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = reservas)]
#[row(listed_by = fecha_creacion)]
pub struct ReservaRow {
    pub(super) id: Uuid,
    pub(super) id_cliente: Option<Uuid>,
    pub(super) estado: String,
    pub(super) tipo_vuelo: String,
    pub(super) ruta: String,
    pub(super) fecha_salida: Timestamp,
    pub(super) pasajeros: String,
    pub(super) itinerarios: String,
    pub(super) fecha_creacion: Timestamp,
    pub(super) fecha_actualizacion: Timestamp,
    pub(super) motivo: Option<String>,
    pub(super) version: i32,
}

impl Persisted for Reserva {
    type Rows = ReservaRow;
}

impl From<Reserva> for ReservaRow {
    fn from(reserva: Reserva) -> Self {
        let version = reserva.version();
        let Datos { id, cliente, pasajeros, itinerarios, estado, fecha_creacion, fecha_actualizacion, motivo } =
            reserva.datos();
        Self {
            id: (*id).into(),
            id_cliente: cliente.map(Into::into),
            estado: estado.to_string(),
            tipo_vuelo: itinerarios.tipo_vuelo().to_string(),
            ruta: itinerarios.ruta().to_string(),
            fecha_salida: itinerarios.fecha_salida(),
            pasajeros: written(&pasajeros.iter().map(PasajeroJson::from).collect::<Vec<_>>()),
            itinerarios: written(&itinerarios.iter().map(ItinerarioJson::from).collect::<Vec<_>>()),
            fecha_creacion: *fecha_creacion,
            fecha_actualizacion: *fecha_actualizacion,
            motivo: motivo.as_ref().map(ToString::to_string),
            version: stored_version(version),
        }
    }
}

impl TryFrom<ReservaRow> for Reserva {
    type Error = Violations;

    fn try_from(row: ReservaRow) -> Result<Self, Violations> {
        let ReservaRow {
            id,
            id_cliente,
            estado,
            tipo_vuelo: _,
            ruta: _,
            fecha_salida: _,
            pasajeros,
            itinerarios,
            fecha_creacion,
            fecha_actualizacion,
            motivo,
            version,
        } = row;
        let mut found = Violations::collect();
        let estado = found.field("estado", estado.parse::<Estado>());
        let pasajeros = found.field("pasajeros", read::<Vec<PasajeroJson<'_>>>(&pasajeros));
        let pasajeros = pasajeros.and_then(|all| {
            let escritos: Vec<_> = all.iter().map(|one| (&*one.tipo, &*one.clase)).collect();
            found.inside("pasajeros", Pasajeros::parse(&escritos))
        });
        let itinerarios = found.field("itinerarios", read::<Vec<ItinerarioJson>>(&itinerarios));
        let itinerarios = itinerarios.and_then(|all| {
            let escritos = all.into_iter().map(Into::into).collect();
            found.inside("itinerarios", Itinerarios::parse(escritos))
        });
        let motivo = found.field("motivo", motivo.as_deref().map(Motivo::parse).transpose());
        let datos = found.check(|| {
            Some(Datos {
                id: id.into(),
                cliente: id_cliente.map(Into::into),
                pasajeros: pasajeros?,
                itinerarios: itinerarios?,
                estado: estado?,
                fecha_creacion,
                fecha_actualizacion,
                motivo: motivo?,
            })
        })?;
        Ok(Self::restaurar(datos, version.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reserva::examples::*;

    #[test]
    fn a_reserva_comes_back_as_it_was_stored() {
        for estado in Estado::ALL {
            assert_eq!(Reserva::try_from(ReservaRow::from(en(estado))), Ok(en(estado)));
        }
        let escritos = vec![itinerario(&[&["BOG", "MIA", "JFK"], &["JFK", "BOG"]]), itinerario(&[&["BOG", "JFK"]])];
        let itinerarios = Itinerarios::parse(escritos).unwrap();
        let pasajeros = Pasajeros::parse(&[("Adulto", "Primera"), ("Infante", "Premium")]).unwrap();
        let mut reserva = Reserva::crear(ID, None, pasajeros, itinerarios, AHORA);
        reserva.cancelar(motivo(), AHORA).unwrap();
        reserva.take_events();
        assert_eq!(Reserva::try_from(ReservaRow::from(reserva.clone())), Ok(reserva));
    }

    #[test]
    fn a_row_that_the_domain_refuses_is_an_error_with_every_column_at_fault() {
        let row = ReservaRow {
            estado: "Perdida".into(),
            pasajeros: "{".into(),
            itinerarios: "[]".into(),
            motivo: Some(String::new()),
            ..en(Estado::Pendiente).into()
        };
        let refused = Reserva::try_from(row).unwrap_err();
        let columns: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(columns, ["estado", "pasajeros", "itinerarios", "motivo"]);
    }
}
