//! With a cliente that leaves, its expediente is closed, in the same transaction.

use crate::{
    application::{ClientesFault, ClientesUow},
    domain::cliente::Hechos,
};

/// Closes the expediente.
pub(in crate::application) async fn cerrar<U: ClientesUow>(cliente: &Hechos, uow: &mut U) -> Result<(), ClientesFault> {
    let mut expediente = uow.expediente(cliente.id).await?;
    expediente.cerrar()?;
    uow.save(expediente);
    Ok(())
}
