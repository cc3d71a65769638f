//! The events of an expediente.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpedienteEvent {
    Abierto,
    Cerrado,
}
