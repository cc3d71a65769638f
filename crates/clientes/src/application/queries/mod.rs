//! The queries on clientes: each file has the question and the view that answers it. A file of the same name in
//! `infrastructure/queries` answers it. The docs of a view are texts for clients, in Spanish: `/spec` shows them.

mod cliente_por_id;
mod clientes_desactivados;
mod expediente_de_cliente;
mod todos_los_clientes;

pub use cliente_por_id::{
    ClientePorId, ClienteView, DocumentoView, EstadoDeCliente, IdentidadView, NombreView, TipoDeDocumento,
};
pub use clientes_desactivados::ClientesDesactivados;
pub use expediente_de_cliente::{EstadoDeExpediente, ExpedienteDeCliente, ExpedienteView, ReservaView};
pub use todos_los_clientes::TodosLosClientes;
