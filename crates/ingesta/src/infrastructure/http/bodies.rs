//! What clients send, and the commands and queries that it becomes.

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

/// An image to take in.
#[derive(Deserialize, ToSchema)]
#[schema(as = CrearIngesta)]
pub(super) struct CrearBody {
    /// Who hands the image in: 1 to 64 visible characters.
    #[schema(example = "proveedor-7")]
    id_proveedor: String,
    /// Whose image it is: 1 to 64 visible characters.
    #[schema(example = "PAC 0042")]
    id_paciente: String,
    /// Where the image is: an absolute `http` or `https` URL.
    #[schema(example = "https://imagenes.example/torax.dcm")]
    url_path: String,
}

impl TryFrom<CrearBody> for commands::CrearIngesta {
    type Error = Violations;

    fn try_from(body: CrearBody) -> Result<Self, Violations> {
        Self::parse(IngestaId::new(), &body.id_proveedor, &body.id_paciente, &body.url_path)
    }
}

/// A change that needs no reason.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeIngesta)]
pub(super) struct CambioBody {
    /// Which ingesta.
    pub(super) id_ingesta: Uuid,
}

/// A change that needs a reason.
#[derive(Deserialize, ToSchema)]
#[schema(as = CambioDeIngestaConMotivo)]
pub(super) struct CambioConMotivoBody {
    /// Which ingesta.
    pub(super) id_ingesta: Uuid,
    /// Why: 1 to 500 characters.
    #[schema(example = "imagen borrosa")]
    pub(super) motivo: String,
}

/// Which ingestas to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filtros {
    /// Only those in this state; without it, all but the deleted ones.
    estado: Option<EstadoDeIngesta>,
    /// Only those of this provider.
    id_proveedor: Option<String>,
    /// Only those of this patient.
    id_paciente: Option<String>,
}

impl Filtros {
    /// The query for a page of them.
    pub(super) fn query(self, paging: Paging) -> Result<TodasLasIngestas, Violations> {
        let mut found = Violations::collect();
        let proveedor = self.id_proveedor.as_deref().map(IdProveedor::parse).transpose();
        let paciente = self.id_paciente.as_deref().map(IdPaciente::parse).transpose();
        let (proveedor, paciente) = (found.field("id_proveedor", proveedor), found.field("id_paciente", paciente));
        let (estado, page) = (self.estado.map(|named| named.0), PageRequest::from(paging));
        found.check(|| Some(TodasLasIngestas { estado, proveedor: proveedor?, paciente: paciente?, page }))
    }
}
