//! Closes the expediente of a deactivated cliente, in the same transaction.

use crate::{
    application::{ClientesFault, ClientesUow},
    domain::cliente::Hechos,
};

pub(in crate::application) async fn cerrar<U: ClientesUow>(cliente: &Hechos, uow: &mut U) -> Result<(), ClientesFault> {
    let mut expediente = uow.expediente(cliente.datos.id).await?;
    expediente.cerrar()?;
    uow.save(expediente);
    Ok(())
}
