//! What can be asked about clientes: the question and the view that answers it. The tables answer, in `infrastructure`.

mod cliente_por_id;
mod clientes_desactivados;
mod expediente_de_cliente;
mod todos_los_clientes;

pub use cliente_por_id::{ClientePorId, ClienteView, DocumentoView, IdentidadView, NombreView};
pub use clientes_desactivados::ClientesDesactivados;
pub use expediente_de_cliente::{ExpedienteDeCliente, ExpedienteView, ReservaView};
pub use todos_los_clientes::TodosLosClientes;
