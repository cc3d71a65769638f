//! The ingestas, newest first, one page at a time.

use super::IngestaView;
use crate::{
    application::IngestaFault,
    domain::ingesta::{Estado, IdPaciente, IdProveedor, IngestaId},
};
use seedwork::{application::Query, domain::Instante};

/// Asks for the ingestas that fit, newest first by creation, at most `limite` of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodasLasIngestas {
    /// Only those in this state. Who names none does not want the deleted ones.
    pub estado: Option<Estado>,
    /// Only those of this provider.
    pub proveedor: Option<IdProveedor>,
    /// Only those of this patient.
    pub paciente: Option<IdPaciente>,
    /// How many at most.
    pub limite: u32,
    /// Only those after this one, the last of the page before: its creation and, for those of one moment, its id.
    pub despues_de: Option<(Instante, IngestaId)>,
}

impl Query for TodasLasIngestas {
    const NAME: &'static str = "todas-las-ingestas";
    type Output = Vec<IngestaView>;
    type Error = IngestaFault;
}
