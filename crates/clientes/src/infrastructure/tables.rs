//! How clientes, expedientes and what is heard of reservas are stored.

use crate::{
    application::{
        projections::Reserva,
        queries::{ClienteView, DocumentoView, ExpedienteView, IdentidadView, NombreView, ReservaView},
    },
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
    infrastructure::postgres::{Persisted, PersistedReadModel, Row},
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
    id: Uuid,
    tipo: String,
    nombres: Option<String>,
    apellidos: Option<String>,
    razon_social: Option<String>,
    email: String,
    documento_tipo: String,
    documento_numero: String,
    documento_ciudad: String,
    fecha_nacimiento: Option<NaiveDate>,
    fecha_constitucion: Option<NaiveDate>,
    estado: String,
    motivo: Option<String>,
    fecha_creacion: Timestamp,
    version: i32,
}

/// A row of the table `expedientes`.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = expedientes)]
pub struct ExpedienteRow {
    id: Uuid,
    estado: String,
    fecha_apertura: Timestamp,
    version: i32,
}

/// A row of the table `reservas`.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = reservas)]
#[row(key = (id), order = version)]
pub struct ReservaRow {
    id: Uuid,
    id_cliente: Uuid,
    estado: String,
    ruta: String,
    fecha: Timestamp,
    version: i64,
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
        let datos = cliente.datos();
        let row = Self {
            id: datos.id.into(),
            tipo: datos.identidad.tipo().to_string(),
            nombres: None,
            apellidos: None,
            razon_social: None,
            email: datos.email.to_string(),
            documento_tipo: datos.identidad.documento().to_string(),
            documento_numero: datos.identidad.numero().to_owned(),
            documento_ciudad: datos.ciudad.to_string(),
            fecha_nacimiento: None,
            fecha_constitucion: None,
            estado: datos.estado.to_string(),
            motivo: datos.motivo.as_ref().map(ToString::to_string),
            fecha_creacion: datos.fecha_creacion,
            // More changes than fit would be refused by the table.
            version: version.try_into().unwrap_or(i32::MAX),
        };
        match &datos.identidad {
            Identidad::Natural { nombre, nacimiento, .. } => Self {
                nombres: Some(nombre.nombres.to_string()),
                apellidos: Some(nombre.apellidos.to_string()),
                fecha_nacimiento: Some(nacimiento.fecha()),
                ..row
            },
            Identidad::Empresa { razon_social, constitucion, .. } => Self {
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
        let email = found.field("email", Email::parse(&row.email));
        let ciudad = found.field("documento_ciudad", Ciudad::parse(&row.documento_ciudad));
        let estado = found.field("estado", row.estado.parse::<cliente::Estado>());
        let motivo = found.field("motivo", row.motivo.as_deref().map(Motivo::parse).transpose());
        let datos = found.check(|| {
            Some(cliente::Datos {
                id: row.id.into(),
                identidad: identidad?,
                email: email?,
                ciudad: ciudad?,
                estado: estado?,
                motivo: motivo?,
                fecha_creacion: row.fecha_creacion,
            })
        })?;
        Ok(Self::restaurar(datos, row.version.unsigned_abs()))
    }
}

/// What depends on the day held on the day of the registration. A column that is missing is an empty text or a day to come:
/// it breaks the rule of its field.
fn identidad(row: &ClienteRow, found: &mut Violations) -> Option<Identidad> {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    let date = |column: Option<NaiveDate>| column.unwrap_or(NaiveDate::MAX);
    let hoy = row.fecha_creacion.date_naive();
    match found.field("tipo", row.tipo.parse())? {
        Tipo::Natural => {
            let nombres = found.field("nombres", Nombres::parse(&text(&row.nombres)));
            let apellidos = found.field("apellidos", Apellidos::parse(&text(&row.apellidos)));
            let cedula = found.field("documento_numero", Cedula::parse(&row.documento_numero));
            let nacimiento = FechaNacimiento::parse(date(row.fecha_nacimiento), hoy);
            let nacimiento = found.field("fecha_nacimiento", nacimiento);
            let nombre = Nombre { nombres: nombres?, apellidos: apellidos? };
            Some(Identidad::Natural { nombre, cedula: cedula?, nacimiento: nacimiento? })
        }
        Tipo::Empresa => {
            let razon_social = found.field("razon_social", RazonSocial::parse(&text(&row.razon_social)));
            let rut = found.field("documento_numero", Rut::parse(&row.documento_numero));
            let constitucion = FechaConstitucion::parse(date(row.fecha_constitucion), hoy);
            let constitucion = found.field("fecha_constitucion", constitucion);
            Some(Identidad::Empresa { razon_social: razon_social?, rut: rut?, constitucion: constitucion? })
        }
    }
}

/// What clients see of a row. What is derived needs the row to be one that the domain accepts.
impl TryFrom<ClienteRow> for ClienteView {
    type Error = Violations;

    fn try_from(row: ClienteRow) -> Result<Self, Violations> {
        let cliente = Cliente::try_from(row)?;
        let version = cliente.version();
        let cliente::Datos { id, identidad, email, ciudad, estado, fecha_creacion, .. } = cliente.datos();
        Ok(Self {
            id: (*id).into(),
            email: email.to_string(),
            dominio: email.dominio().to_owned(),
            es_empresarial: email.es_empresarial(),
            documento: DocumentoView {
                tipo: identidad.documento(),
                numero: identidad.numero().to_owned(),
                ciudad: ciudad.to_string(),
            },
            identidad: identidad.into(),
            estado: *estado,
            fecha_creacion: *fecha_creacion,
            version,
        })
    }
}

impl From<&Identidad> for IdentidadView {
    fn from(identidad: &Identidad) -> Self {
        match identidad {
            Identidad::Natural { nombre, nacimiento, .. } => {
                let nombre =
                    NombreView { nombres: nombre.nombres.to_string(), apellidos: nombre.apellidos.to_string() };
                Self::Natural { nombre, fecha_nacimiento: nacimiento.fecha() }
            }
            Identidad::Empresa { razon_social, constitucion, .. } => {
                Self::Empresa { razon_social: razon_social.to_string(), fecha_constitucion: constitucion.fecha() }
            }
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
            version: version.try_into().unwrap_or(i32::MAX),
        }
    }
}

impl TryFrom<ExpedienteRow> for Expediente {
    type Error = Violations;

    fn try_from(row: ExpedienteRow) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        let estado = found.field("estado", row.estado.parse::<expediente::Estado>());
        let (cliente, fecha_apertura) = (row.id.into(), row.fecha_apertura);
        let datos = found.check(|| Some(expediente::Datos { cliente, estado: estado?, fecha_apertura }))?;
        Ok(Self::restaurar(datos, row.version.unsigned_abs()))
    }
}

/// What clients see of a row; its reservas are other rows.
impl TryFrom<ExpedienteRow> for ExpedienteView {
    type Error = Violations;

    fn try_from(row: ExpedienteRow) -> Result<Self, Violations> {
        let expediente = Expediente::try_from(row)?;
        let version = expediente.version();
        let expediente::Datos { cliente, estado, fecha_apertura } = expediente.datos();
        let (id_cliente, estado, fecha_apertura) = ((*cliente).into(), *estado, *fecha_apertura);
        Ok(Self { id_cliente, estado, fecha_apertura, reservas: Vec::new(), version })
    }
}

impl From<Reserva> for ReservaRow {
    fn from(reserva: Reserva) -> Self {
        let Reserva { id, cliente, estado, ruta, fecha, version } = reserva;
        Self { id, id_cliente: cliente.into(), estado, ruta, fecha, version }
    }
}

impl From<ReservaRow> for ReservaView {
    fn from(row: ReservaRow) -> Self {
        Self { id_reserva: row.id, estado: row.estado, ruta: row.ruta, fecha: row.fecha }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        cliente::{TipoDocumento, examples::*},
        expediente::examples::en as expediente_en,
    };

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
    fn a_row_that_the_domain_refuses_is_an_error_that_tells_all() {
        let row = ClienteRow {
            nombres: None,
            email: "nobody".into(),
            fecha_nacimiento: None,
            estado: "Perdido".into(),
            ..en(cliente::Estado::Activo).into()
        };
        let refused = Cliente::try_from(row.clone()).unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(told, ["nombres", "fecha_nacimiento", "email", "estado"]);
        assert_eq!(ClienteView::try_from(row).unwrap_err().rule(), "nombres-validos");
        let row = ExpedienteRow { estado: "Perdido".into(), ..expediente_en(expediente::Estado::Abierto).into() };
        assert_eq!(ExpedienteView::try_from(row).unwrap_err().rule(), "estado-valido");
    }

    #[test]
    fn what_an_email_tells_is_shown() {
        let view = ClienteView::try_from(ClienteRow::from(una_empresa())).unwrap();
        assert_eq!((view.dominio.as_str(), view.es_empresarial), ("alpes.example", true));
        assert_eq!((view.documento.tipo, view.documento.numero.as_str()), (TipoDocumento::Rut, "900123456-8"));
    }
}
