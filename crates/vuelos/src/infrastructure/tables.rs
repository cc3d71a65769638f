//! How a reserva is stored.

use crate::{
    application::{
        integration::itinerario::Itinerario,
        queries::{PasajeroView, ReservaView},
    },
    domain::reserva::{Datos, Estado, Itinerarios, Motivo, Pasajeros, Reserva, TipoVuelo},
};
use diesel::{Queryable, Selectable};
use seedwork::{
    domain::{Aggregate, Timestamp, Violations},
    infrastructure::postgres::{Persisted, Row},
};
use serde::{Deserialize, Serialize};
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

/// A row of the table `reservas`. Tipo, ruta and salida are what the itinerarios make of it, to be looked for and shown.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = reservas)]
#[row(listed_by = fecha_creacion)]
pub struct ReservaRow {
    id: Uuid,
    id_cliente: Option<Uuid>,
    estado: String,
    tipo_vuelo: String,
    ruta: String,
    fecha_salida: Timestamp,
    pasajeros: String,
    itinerarios: String,
    fecha_creacion: Timestamp,
    fecha_actualizacion: Timestamp,
    motivo: Option<String>,
    version: i32,
}

impl Persisted for Reserva {
    type Rows = ReservaRow;
}

impl From<Reserva> for ReservaRow {
    fn from(reserva: Reserva) -> Self {
        let (datos, version) = (reserva.datos(), reserva.version());
        let pasajeros: Vec<PasajeroView> = datos.pasajeros.iter().map(Into::into).collect();
        let itinerarios: Vec<Itinerario<Timestamp>> = datos.itinerarios.iter().map(Into::into).collect();
        Self {
            id: datos.id.into(),
            id_cliente: datos.cliente.map(Into::into),
            estado: datos.estado.to_string(),
            tipo_vuelo: datos.itinerarios.tipo_vuelo().to_string(),
            ruta: datos.itinerarios.ruta().to_string(),
            fecha_salida: datos.itinerarios.fecha_salida(),
            pasajeros: json(&pasajeros),
            itinerarios: json(&itinerarios),
            fecha_creacion: datos.fecha_creacion,
            fecha_actualizacion: datos.fecha_actualizacion,
            motivo: datos.motivo.as_ref().map(ToString::to_string),
            // More changes than fit would be refused by the table.
            version: version.try_into().unwrap_or(i32::MAX),
        }
    }
}

impl TryFrom<ReservaRow> for Reserva {
    type Error = Violations;

    fn try_from(row: ReservaRow) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let estado = found.field("estado", row.estado.parse::<Estado>());
        let pasajeros = found.field("pasajeros", read::<Vec<PasajeroView>>(&row.pasajeros));
        let pasajeros = pasajeros.and_then(|all| {
            let escritos: Vec<_> = all.iter().map(|one| (one.tipo.as_str(), one.clase.as_str())).collect();
            found.inside("pasajeros", Pasajeros::parse(&escritos))
        });
        let itinerarios = found.field("itinerarios", read::<Vec<Itinerario<Timestamp>>>(&row.itinerarios));
        let itinerarios = itinerarios.and_then(|all| {
            let escritos = all.into_iter().map(Into::into).collect();
            found.inside("itinerarios", Itinerarios::parse(escritos))
        });
        let motivo = found.field("motivo", row.motivo.as_deref().map(Motivo::parse).transpose());
        let datos = found.check(|| {
            Some(Datos {
                id: row.id.into(),
                cliente: row.id_cliente.map(Into::into),
                pasajeros: pasajeros?,
                itinerarios: itinerarios?,
                estado: estado?,
                fecha_creacion: row.fecha_creacion,
                fecha_actualizacion: row.fecha_actualizacion,
                motivo: motivo?,
            })
        })?;
        Ok(Self::restaurar(datos, row.version.unsigned_abs()))
    }
}

/// What clients see of a row. Its texts were looked at when it was written.
impl TryFrom<ReservaRow> for ReservaView {
    type Error = Violations;

    fn try_from(row: ReservaRow) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let estado = found.field("estado", row.estado.parse::<Estado>());
        let tipo_vuelo = found.field("tipo_vuelo", row.tipo_vuelo.parse::<TipoVuelo>());
        let pasajeros = found.field("pasajeros", read(&row.pasajeros));
        let itinerarios = found.field("itinerarios", read(&row.itinerarios));
        found.check(|| {
            Some(Self {
                id: row.id,
                id_cliente: row.id_cliente,
                estado: estado?,
                tipo_vuelo: tipo_vuelo?,
                ruta: row.ruta,
                fecha_salida: row.fecha_salida,
                pasajeros: pasajeros?,
                itinerarios: itinerarios?,
                fecha_creacion: row.fecha_creacion,
                fecha_actualizacion: row.fecha_actualizacion,
                motivo: row.motivo,
                version: row.version.unsigned_abs(),
            })
        })
    }
}

seedwork::refusal! {
    /// A stored text that is not the JSON that was written.
    pub(super) struct TextoIlegible: "texto-legible", "El texto guardado no se puede leer";
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structs of texts and dates have JSON")
}

fn read<T: for<'de> Deserialize<'de>>(json: &str) -> Result<T, TextoIlegible> {
    serde_json::from_str(json).map_err(|_| TextoIlegible)
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
    fn a_reserva_is_shown_as_it_was_told() {
        let reserva = en(Estado::Aprobada);
        assert_eq!(ReservaView::try_from(ReservaRow::from(reserva.clone())), Ok(reserva.into()));
    }

    #[test]
    fn a_row_that_the_domain_refuses_is_an_error_that_tells_all() {
        let row = ReservaRow {
            estado: "Perdida".into(),
            pasajeros: "{".into(),
            itinerarios: "[]".into(),
            motivo: Some(String::new()),
            ..en(Estado::Pendiente).into()
        };
        let refused = Reserva::try_from(row.clone()).unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(told, ["estado", "pasajeros", "itinerarios", "motivo"]);
        assert_eq!(ReservaView::try_from(row).unwrap_err().rule(), "estado-valido");
    }
}
