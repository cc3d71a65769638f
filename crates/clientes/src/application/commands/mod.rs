//! What can be asked of a cliente: one use case, one file.

mod desactivar_cliente;
mod registrar_cliente;

pub use desactivar_cliente::DesactivarCliente; // lets it go; it stays readable
pub use registrar_cliente::RegistrarCliente; // takes it on
