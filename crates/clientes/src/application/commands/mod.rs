//! The commands of this context: one use case, one file.

mod desactivar_cliente;
mod registrar_cliente;

pub use desactivar_cliente::DesactivarCliente;
pub use registrar_cliente::{DocumentoEscrito, EmpresaEscrita, NaturalEscrito, RegistrarCliente, Solicitud};
