//! The requests, and the commands and queries that they become. `/spec` publishes the docs of bodies and parameters, so
//! these are Spanish.

use crate::{
    application::{
        commands,
        queries::{EstadoDeIngesta, TodasLasIngestas},
    },
    domain::ingesta::{IdPaciente, IdProveedor, IngestaId},
};
use seedwork::{application::PageRequest, domain::Violations, infrastructure::http::Paging};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Una imagen que se entrega.
#[derive(Deserialize, ToSchema)]
#[schema(as = CrearIngesta)]
pub(super) struct CrearBody {
    /// El proveedor que la entrega: de 1 a 64 caracteres visibles.
    #[schema(example = "proveedor-7")]
    id_proveedor: String,
    /// El paciente de la imagen: de 1 a 64 caracteres visibles.
    #[schema(example = "PAC 0042")]
    id_paciente: String,
    /// La dirección de la imagen: una URL absoluta `http` o `https`, de 2048 caracteres como máximo.
    #[schema(example = "https://imagenes.example/torax.dcm")]
    url_path: String,
}

impl TryFrom<CrearBody> for commands::CrearIngesta {
    type Error = Violations;

    fn try_from(body: CrearBody) -> Result<Self, Violations> {
        let CrearBody { id_proveedor, id_paciente, url_path } = body;
        Self::parse(IngestaId::new(), &id_proveedor, &id_paciente, &url_path)
    }
}

/// Un cambio que no necesita motivo.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeIngesta)]
pub(super) struct CambioBody {
    /// El id de la ingesta.
    pub(super) id_ingesta: Uuid,
}

/// Un cambio que necesita un motivo.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeIngestaConMotivo)]
pub(super) struct CambioConMotivoBody {
    /// El id de la ingesta.
    pub(super) id_ingesta: Uuid,
    /// El motivo: de 1 a 500 caracteres.
    #[schema(example = "imagen borrosa")]
    pub(super) motivo: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filtros {
    /// Solo las que están en este estado. Sin él, todas menos las eliminadas.
    estado: Option<EstadoDeIngesta>,
    /// Solo las de este proveedor.
    id_proveedor: Option<String>,
    /// Solo las de este paciente.
    id_paciente: Option<String>,
}

impl Filtros {
    /// Makes the query for one page.
    pub(super) fn query(self, paging: Paging) -> Result<TodasLasIngestas, Violations> {
        let mut found = Violations::collect();
        let proveedor = self.id_proveedor.as_deref().map(IdProveedor::parse).transpose();
        let paciente = self.id_paciente.as_deref().map(IdPaciente::parse).transpose();
        let (proveedor, paciente) = (found.field("id_proveedor", proveedor), found.field("id_paciente", paciente));
        let (estado, page) = (self.estado.map(|named| named.0), PageRequest::from(paging));
        found.check(|| Some(TodasLasIngestas { estado, proveedor: proveedor?, paciente: paciente?, page }))
    }
}
