//! A registered cliente gets its expediente in the same transaction.

use crate::{
    application::ClientesUow,
    domain::{cliente::Hechos, expediente::Expediente},
};

/// Opens the expediente.
pub(in crate::application) fn abrir<U: ClientesUow>(cliente: &Hechos, uow: &mut U) {
    uow.save(Expediente::abrir(cliente.id, cliente.fecha));
}
