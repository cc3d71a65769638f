//! The ingestas, newest first, one page at a time.

use super::IngestaView;
use crate::{
    application::IngestaFault,
    domain::ingesta::{Estado, IdPaciente, IdProveedor},
};
use seedwork::application::{Page, PageRequest, Query};

/// Asks for the ingestas that fit, newest first by creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodasLasIngestas {
    /// Only those in this state. Who names none does not want the deleted ones.
    pub estado: Option<Estado>,
    /// Only those of this provider.
    pub proveedor: Option<IdProveedor>,
    /// Only those of this patient.
    pub paciente: Option<IdPaciente>,
    /// Which page of them.
    pub page: PageRequest,
}

impl Query for TodasLasIngestas {
    const NAME: &'static str = "todas-las-ingestas";
    type Output = Page<IngestaView>;
    type Error = IngestaFault;
}
