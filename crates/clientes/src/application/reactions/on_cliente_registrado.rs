//! Opens the expediente of a registered cliente, in the same transaction.

use crate::{
    application::ClientesUow,
    domain::{cliente::Hechos, expediente::Expediente},
};

pub(in crate::application) fn abrir<U: ClientesUow>(cliente: &Hechos, uow: &mut U) {
    uow.save(Expediente::abrir(cliente.datos.id, cliente.fecha));
}
