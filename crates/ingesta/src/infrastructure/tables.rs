//! The table of ingestas: aggregate to row, and back.

use crate::domain::ingesta::{Datos, Estado, IdPaciente, IdProveedor, Ingesta, Motivo, UrlImagen};
use diesel::{Queryable, Selectable};
use seedwork::{
    domain::{Aggregate, Timestamp, Violations},
    infrastructure::postgres::{Persisted, Row, stored_version},
};
use uuid::Uuid;

diesel::table! {
    ingestas (id) {
        id -> Uuid,
        id_proveedor -> Text,
        id_paciente -> Text,
        url_path -> Text,
        estado -> Text,
        fecha_creacion -> Timestamptz,
        fecha_actualizacion -> Timestamptz,
        fecha_eliminacion -> Nullable<Timestamptz>,
        motivo -> Nullable<Text>,
        version -> Integer,
    }
}

/// A row of the table `ingestas`.
#[derive(Clone, Queryable, Selectable, Row)]
#[diesel(table_name = ingestas)]
#[row(listed_by = fecha_creacion)]
pub struct IngestaRow {
    pub(super) id: Uuid,
    pub(super) id_proveedor: String,
    pub(super) id_paciente: String,
    pub(super) url_path: String,
    pub(super) estado: String,
    pub(super) fecha_creacion: Timestamp,
    pub(super) fecha_actualizacion: Timestamp,
    pub(super) fecha_eliminacion: Option<Timestamp>,
    pub(super) motivo: Option<String>,
    pub(super) version: i32,
}

impl Persisted for Ingesta {
    type Rows = IngestaRow;
}

impl From<Ingesta> for IngestaRow {
    fn from(ingesta: Ingesta) -> Self {
        let version = ingesta.version();
        let Datos {
            id,
            proveedor,
            paciente,
            url,
            estado,
            fecha_creacion,
            fecha_actualizacion,
            fecha_eliminacion,
            motivo,
        } = ingesta.datos();
        Self {
            id: (*id).into(),
            id_proveedor: proveedor.to_string(),
            id_paciente: paciente.to_string(),
            url_path: url.to_string(),
            estado: estado.to_string(),
            fecha_creacion: *fecha_creacion,
            fecha_actualizacion: *fecha_actualizacion,
            fecha_eliminacion: *fecha_eliminacion,
            motivo: motivo.as_ref().map(ToString::to_string),
            version: stored_version(version),
        }
    }
}

impl TryFrom<IngestaRow> for Ingesta {
    type Error = Violations;

    fn try_from(row: IngestaRow) -> Result<Self, Violations> {
        let IngestaRow {
            id,
            id_proveedor,
            id_paciente,
            url_path,
            estado,
            fecha_creacion,
            fecha_actualizacion,
            fecha_eliminacion,
            motivo,
            version,
        } = row;
        let mut found = Violations::collect();
        let proveedor = found.field("id_proveedor", IdProveedor::parse(&id_proveedor));
        let paciente = found.field("id_paciente", IdPaciente::parse(&id_paciente));
        let url = found.field("url_path", UrlImagen::parse(&url_path));
        let estado = found.field("estado", estado.parse::<Estado>());
        let motivo = found.field("motivo", motivo.as_deref().map(Motivo::parse).transpose());
        let datos = found.check(|| {
            Some(Datos {
                id: id.into(),
                proveedor: proveedor?,
                paciente: paciente?,
                url: url?,
                estado: estado?,
                fecha_creacion,
                fecha_actualizacion,
                fecha_eliminacion,
                motivo: motivo?,
            })
        })?;
        Ok(Self::restaurar(datos, version.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ingesta::examples::*;

    #[test]
    fn an_ingesta_comes_back_as_it_was_stored() {
        for estado in Estado::ALL {
            assert_eq!(Ingesta::try_from(IngestaRow::from(en(estado))), Ok(en(estado)));
        }
        let mut ingesta = en(Estado::Creada);
        ingesta.alertar(motivo(), AHORA).unwrap();
        ingesta.take_events();
        assert_eq!(Ingesta::try_from(IngestaRow::from(ingesta.clone())), Ok(ingesta));
    }

    #[test]
    fn a_row_that_the_domain_refuses_is_an_error_with_every_column_at_fault() {
        let row = IngestaRow {
            url_path: "torax.dcm".into(),
            estado: "Perdida".into(),
            motivo: Some(String::new()),
            ..en(Estado::Creada).into()
        };
        let refused = Ingesta::try_from(row).unwrap_err();
        let columns: Vec<_> = refused.iter().map(|broken| broken.field.as_str()).collect();
        assert_eq!(columns, ["url_path", "estado", "motivo"]);
    }
}
