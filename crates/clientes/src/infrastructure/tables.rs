//! The tables of clientes, expedientes and reservas: aggregate to row, and back. Reservas are a read model.

use crate::{
    application::projections::Reserva,
    domain::{
        cliente::{
            self, Apellidos, Cedula, Ciudad, Cliente, Email, FechaConstitucion, FechaNacimiento, Identidad, Motivo,
            Nombre, Nombres, RazonSocial, Rut, Tipo,
        },
        expediente::{self, Expediente},
    },
};
use chrono::NaiveDate;
use diesel::{Queryable, Selectable};
use seedwork::{
    domain::{Aggregate, Timestamp, Violations},
    infrastructure::postgres::{Persisted, PersistedReadModel, Row, stored_version},
};
use uuid::Uuid;

diesel::table! {
    clientes (id) {
        id -> Uuid,
        tipo -> Text,
        nombres -> Nullable<Text>,
        apellidos -> Nullable<Text>,
        razon_social -> Nullable<Text>,
        email -> Text,
        documento_tipo -> Text,
        documento_numero -> Text,
        documento_ciudad -> Text,
        fecha_nacimiento -> Nullable<Date>,
        fecha_constitucion -> Nullable<Date>,
        estado -> Text,
        motivo -> Nullable<Text>,
        fecha_creacion -> Timestamptz,
        version -> Integer,
    }
}

diesel::table! {
    expedientes (id) {
        id -> Uuid,
        estado -> Text,
        fecha_apertura -> Timestamptz,
        version -> Integer,
    }
}

diesel::table! {
    reservas (id) {
        id -> Uuid,
        id_cliente -> Uuid,
        estado -> Text,
        ruta -> Text,
        fecha -> Timestamptz,
        version -> BigInt,
    }
}

/// A row of the table `clientes`.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = clientes)]
#[row(listed_by = fecha_creacion)]
pub struct ClienteRow {
    pub(super) id: Uuid,
    pub(super) tipo: String,
    pub(super) nombres: Option<String>,
    pub(super) apellidos: Option<String>,
    pub(super) razon_social: Option<String>,
    pub(super) email: String,
    pub(super) documento_tipo: String,
    pub(super) documento_numero: String,
    pub(super) documento_ciudad: String,
    pub(super) fecha_nacimiento: Option<NaiveDate>,
    pub(super) fecha_constitucion: Option<NaiveDate>,
    pub(super) estado: String,
    pub(super) motivo: Option<String>,
    pub(super) fecha_creacion: Timestamp,
    pub(super) version: i32,
}

/// A row of the table `expedientes`.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = expedientes)]
pub struct ExpedienteRow {
    pub(super) id: Uuid,
    pub(super) estado: String,
    pub(super) fecha_apertura: Timestamp,
    pub(super) version: i32,
}

/// A row of the table `reservas`.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = reservas)]
#[row(key = (id), order = version)]
pub struct ReservaRow {
    pub(super) id: Uuid,
    pub(super) id_cliente: Uuid,
    pub(super) estado: String,
    pub(super) ruta: String,
    pub(super) fecha: Timestamp,
    pub(super) version: i64,
}

impl Persisted for Cliente {
    type Rows = ClienteRow;
}

impl Persisted for Expediente {
    type Rows = ExpedienteRow;
}

impl PersistedReadModel for Reserva {
    type Row = ReservaRow;
}

impl From<Cliente> for ClienteRow {
    fn from(cliente: Cliente) -> Self {
        let version = cliente.version();
        let cliente::Datos { id, identidad, email, ciudad, estado, motivo, fecha_creacion } = cliente.datos();
        let row = Self {
            id: (*id).into(),
            tipo: identidad.tipo().to_string(),
            nombres: None,
            apellidos: None,
            razon_social: None,
            email: email.to_string(),
            documento_tipo: identidad.documento().to_string(),
            documento_numero: identidad.numero().to_owned(),
            documento_ciudad: ciudad.to_string(),
            fecha_nacimiento: None,
            fecha_constitucion: None,
            estado: estado.to_string(),
            motivo: motivo.as_ref().map(ToString::to_string),
            fecha_creacion: *fecha_creacion,
            version: stored_version(version),
        };
        match identidad {
            Identidad::Natural { nombre: Nombre { nombres, apellidos }, cedula: _, nacimiento } => Self {
                nombres: Some(nombres.to_string()),
                apellidos: Some(apellidos.to_string()),
                fecha_nacimiento: Some(nacimiento.fecha()),
                ..row
            },
            Identidad::Empresa { razon_social, rut: _, constitucion } => Self {
                razon_social: Some(razon_social.to_string()),
                fecha_constitucion: Some(constitucion.fecha()),
                ..row
            },
        }
    }
}

impl TryFrom<ClienteRow> for Cliente {
    type Error = Violations;

    fn try_from(row: ClienteRow) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let identidad = identidad(&row, &mut found);
        let ClienteRow {
            id,
            email,
            documento_ciudad,
            estado,
            motivo,
            fecha_creacion,
            version,
            // Parts of the identidad.
            tipo: _,
            nombres: _,
            apellidos: _,
            razon_social: _,
            documento_tipo: _,
            documento_numero: _,
            fecha_nacimiento: _,
            fecha_constitucion: _,
        } = row;
        let email = found.field("email", Email::parse(&email));
        let ciudad = found.field("documento_ciudad", Ciudad::parse(&documento_ciudad));
        let estado = found.field("estado", estado.parse::<cliente::Estado>());
        let motivo = found.field("motivo", motivo.as_deref().map(Motivo::parse).transpose());
        let datos = found.check(|| {
            Some(cliente::Datos {
                id: id.into(),
                identidad: identidad?,
                email: email?,
                ciudad: ciudad?,
                estado: estado?,
                motivo: motivo?,
                fecha_creacion,
            })
        })?;
        Ok(Self::restaurar(datos, version.unsigned_abs()))
    }
}

/// Rules on dates are judged by the day of the registration. A missing column becomes an empty text or a day to come, so
/// that it breaks the rule of its field.
fn identidad(row: &ClienteRow, found: &mut Violations) -> Option<Identidad> {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    let date = |column: Option<NaiveDate>| column.unwrap_or(NaiveDate::MAX);
    let hoy = row.fecha_creacion.date_naive();
    match found.field("tipo", row.tipo.parse())? {
        Tipo::Natural => {
            let nombres = found.field("nombres", Nombres::parse(&text(&row.nombres)));
            let apellidos = found.field("apellidos", Apellidos::parse(&text(&row.apellidos)));
            let cedula = found.field("documento_numero", Cedula::parse(&row.documento_numero));
            let nacimiento = FechaNacimiento::new(date(row.fecha_nacimiento));
            found.field("fecha_nacimiento", nacimiento.comprobar(hoy));
            let nombre = Nombre { nombres: nombres?, apellidos: apellidos? };
            Some(Identidad::Natural { nombre, cedula: cedula?, nacimiento })
        }
        Tipo::Empresa => {
            let razon_social = found.field("razon_social", RazonSocial::parse(&text(&row.razon_social)));
            let rut = found.field("documento_numero", Rut::parse(&row.documento_numero));
            let constitucion = FechaConstitucion::new(date(row.fecha_constitucion));
            found.field("fecha_constitucion", constitucion.comprobar(hoy));
            Some(Identidad::Empresa { razon_social: razon_social?, rut: rut?, constitucion })
        }
    }
}

impl From<Expediente> for ExpedienteRow {
    fn from(expediente: Expediente) -> Self {
        let version = expediente.version();
        let expediente::Datos { cliente, estado, fecha_apertura } = expediente.datos();
        Self {
            id: (*cliente).into(),
            estado: estado.to_string(),
            fecha_apertura: *fecha_apertura,
            version: stored_version(version),
        }
    }
}

impl TryFrom<ExpedienteRow> for Expediente {
    type Error = Violations;

    fn try_from(row: ExpedienteRow) -> Result<Self, Violations> {
        let ExpedienteRow { id, estado, fecha_apertura, version } = row;
        let mut found = Violations::collect();
        let estado = found.field("estado", estado.parse::<expediente::Estado>());
        let datos = found.check(|| Some(expediente::Datos { cliente: id.into(), estado: estado?, fecha_apertura }))?;
        Ok(Self::restaurar(datos, version.unsigned_abs()))
    }
}

impl From<Reserva> for ReservaRow {
    fn from(reserva: Reserva) -> Self {
        let Reserva { id, cliente, estado, ruta, fecha, version } = reserva;
        Self { id, id_cliente: cliente.into(), estado, ruta, fecha, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{cliente::examples::*, expediente::examples::en as expediente_en};

    #[test]
    fn a_cliente_comes_back_as_it_was_stored() {
        for estado in cliente::Estado::ALL {
            assert_eq!(Cliente::try_from(ClienteRow::from(en(estado))), Ok(en(estado)));
        }
        assert_eq!(Cliente::try_from(ClienteRow::from(una_empresa())), Ok(una_empresa()));
        let mut cliente = en(cliente::Estado::Activo);
        cliente.desactivar(motivo(), AHORA).unwrap();
        cliente.take_events();
        assert_eq!(Cliente::try_from(ClienteRow::from(cliente.clone())), Ok(cliente));
    }

    #[test]
    fn an_expediente_comes_back_as_it_was_stored() {
        for estado in expediente::Estado::ALL {
            assert_eq!(Expediente::try_from(ExpedienteRow::from(expediente_en(estado))), Ok(expediente_en(estado)));
        }
    }

    #[test]
    fn a_row_that_the_domain_refuses_is_an_error_with_every_column_at_fault() {
        let row = ClienteRow {
            nombres: None,
            email: "nobody".into(),
            fecha_nacimiento: None,
            estado: "Perdido".into(),
            ..en(cliente::Estado::Activo).into()
        };
        let refused = Cliente::try_from(row).unwrap_err();
        let columns: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(columns, ["nombres", "fecha_nacimiento", "email", "estado"]);
    }
}
