//! What can happen to an ingesta.

use super::{Estado, IdPaciente, IdProveedor, IngestaId, Motivo, UrlImagen};
use seedwork::domain::{Timestamp, Version};

/// Something happened to an ingesta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IngestaEvent {
    /// It was handed in.
    Creada(Hechos),
    /// The work on it began, or went on.
    EnProceso(Hechos),
    /// An alert was raised.
    Alertada(Hechos),
    /// It was refused.
    Rechazada(Hechos),
    /// The work on it ended well.
    Finalizada(Hechos),
    /// It was taken back.
    Fallida(Hechos),
    /// It was deleted.
    Eliminada(Hechos),
}

/// The ingesta right after something happened to it: all that a listener needs without asking back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hechos {
    /// Which ingesta.
    pub id: IngestaId,
    /// Who handed the image in.
    pub proveedor: IdProveedor,
    /// Whose image it is.
    pub paciente: IdPaciente,
    /// Where the image is.
    pub url: UrlImagen,
    /// What became of it.
    pub estado: Estado,
    /// The last reason that somebody gave, now or earlier.
    pub motivo: Option<Motivo>,
    /// When it happened.
    pub fecha: Timestamp,
    /// The version that this event brought.
    pub version: Version,
}
