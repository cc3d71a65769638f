//! What can happen to an expediente.

/// Something happened to an expediente.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpedienteEvent {
    /// It was opened.
    Abierto,
    /// It was closed.
    Cerrado,
}
