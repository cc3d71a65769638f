//! The ingestas, newest first, one page at a time.

use super::IngestaView;
use crate::{
    application::IngestaFault,
    domain::ingesta::{Estado, IdPaciente, IdProveedor},
};
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the ingestas that match, newest first by creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodasLasIngestas {
    /// `None`: every state but Eliminada.
    pub estado: Option<Estado>,
    pub proveedor: Option<IdProveedor>,
    pub paciente: Option<IdPaciente>,
    pub page: PageRequest,
}

impl Query for TodasLasIngestas {
    const NAME: &'static str = "todas-las-ingestas";
    type Output = Page<IngestaView>;
    type Error = IngestaFault;
}
