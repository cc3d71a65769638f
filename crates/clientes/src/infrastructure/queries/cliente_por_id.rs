//! Answers [`ClientePorId`] with a grouped read.

use super::PgReads;
use crate::{
    application::{
        ClientesFault,
        queries::{ClientePorId, ClienteView, DocumentoView, IdentidadView, NombreView},
    },
    domain::cliente::{Cliente, Datos, Identidad, Nombre},
    infrastructure::tables::ClienteRow,
};
use seedwork::{
    application::QueryHandler,
    domain::{Aggregate, Violations},
};

impl QueryHandler<ClientePorId> for PgReads {
    async fn handle(&self, query: ClientePorId) -> Result<ClienteView, ClientesFault> {
        self.clientes.view(query.id.into()).await?.ok_or(ClientesFault::NoExiste(query.id))
    }
}

/// The derived members need a row that the domain accepts.
impl TryFrom<ClienteRow> for ClienteView {
    type Error = Violations;

    fn try_from(row: ClienteRow) -> Result<Self, Violations> {
        let cliente = Cliente::try_from(row)?;
        let Datos { id, identidad, email, ciudad, estado, motivo: _, fecha_creacion } = cliente.datos();
        Ok(Self {
            id: (*id).into(),
            email: email.to_string(),
            dominio: email.dominio().to_owned(),
            es_empresarial: email.es_empresarial(),
            documento: DocumentoView {
                tipo: identidad.documento().into(),
                numero: identidad.numero().to_owned(),
                ciudad: ciudad.to_string(),
            },
            identidad: identidad.into(),
            estado: (*estado).into(),
            fecha_creacion: *fecha_creacion,
            version: cliente.version(),
        })
    }
}

impl From<&Identidad> for IdentidadView {
    fn from(identidad: &Identidad) -> Self {
        match identidad {
            Identidad::Natural { nombre: Nombre { nombres, apellidos }, cedula: _, nacimiento } => {
                let nombre = NombreView { nombres: nombres.to_string(), apellidos: apellidos.to_string() };
                Self::Natural { nombre, fecha_nacimiento: nacimiento.fecha() }
            }
            Identidad::Empresa { razon_social, rut: _, constitucion } => {
                Self::Empresa { razon_social: razon_social.to_string(), fecha_constitucion: constitucion.fecha() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cliente::{Estado, TipoDocumento, examples::*};
    use seedwork::application::Named;

    #[test]
    fn a_row_becomes_the_view_of_its_cliente() {
        let nombre = NombreView { nombres: "Ana María".into(), apellidos: "Ñáñez Gil".into() };
        let view = ClienteView {
            id: ID.into(),
            identidad: IdentidadView::Natural { nombre, fecha_nacimiento: NACIMIENTO },
            email: "ana.gil@alpes.example".into(),
            dominio: "alpes.example".into(),
            es_empresarial: true,
            documento: DocumentoView {
                tipo: TipoDocumento::Cedula.into(),
                numero: "1020304050".into(),
                ciudad: "Bogotá".into(),
            },
            estado: Estado::Activo.into(),
            fecha_creacion: AYER,
            version: 1,
        };
        assert_eq!(ClienteView::try_from(ClienteRow::from(en(Estado::Activo))), Ok(view));
    }

    #[test]
    fn the_view_of_a_company_has_its_rut_and_its_domain() {
        let view = ClienteView::try_from(ClienteRow::from(una_empresa())).unwrap();
        assert_eq!((view.dominio.as_str(), view.es_empresarial), ("alpes.example", true));
        assert_eq!((view.documento.tipo, view.documento.numero.as_str()), (Named(TipoDocumento::Rut), "900123456-8"));
    }

    #[test]
    fn a_row_that_the_domain_refuses_is_refused() {
        let row = ClienteRow { nombres: None, ..en(Estado::Activo).into() };
        assert_eq!(ClienteView::try_from(row).unwrap_err().rule(), "nombres-validos");
    }
}
